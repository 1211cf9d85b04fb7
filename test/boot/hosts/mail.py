#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Sends one message by SMTP and prints what became of it.
usage: mail.py SERVER SOURCE FROM TO SUBJECT"""
import smtplib
import sys

SERVER, SOURCE, FROM, TO, SUBJECT = sys.argv[1:]
TEXT = f"From: <{FROM}>\r\nTo: <{TO}>\r\nSubject: {SUBJECT}\r\n\r\nHello.\r\n"
try:
    with smtplib.SMTP(SERVER, 25, timeout=20, source_address=(SOURCE, 0)) as smtp:
        smtp.ehlo("forger.example")
        smtp.sendmail(FROM, [TO], TEXT)
    print("accepted")
except smtplib.SMTPResponseException as refusal:
    print("refused", refusal.smtp_code, refusal.smtp_error.decode())
except smtplib.SMTPRecipientsRefused as refusal:
    print("refused", refusal.recipients)
