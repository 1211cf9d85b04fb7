// SPDX-License-Identifier: ISC
#include <stddef.h>
