// SPDX-License-Identifier: ISC
#include "recorder/recorder.h"
