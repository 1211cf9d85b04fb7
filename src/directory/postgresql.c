// SPDX-License-Identifier: ISC
#include "directory/directory.h"
