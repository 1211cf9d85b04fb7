// SPDX-License-Identifier: ISC
#include "milter/material.h"
