// SPDX-License-Identifier: ISC
#include "milter/session.h"
