// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_STYLE_H
#define VERIMAIL_REPORT_STYLE_H

/* The page's CSS. Colours are variables, with a set for dark mode; what is drawn in them differs in
 * its pattern too. */
extern const char style_css[];

#endif
