// SPDX-License-Identifier: ISC
#include "milter/logins.h"
