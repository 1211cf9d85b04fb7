// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_SESSION_H
#define VERIMAIL_MILTER_SESSION_H
#endif
