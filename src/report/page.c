// SPDX-License-Identifier: ISC
#include "report/report.h"
