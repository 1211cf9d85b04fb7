# SPDX-License-Identifier: ISC
"""The protocol a second time, written from verimail(7) alone: a module for each of its sections.
Everything is octets (bytes); what the page refuses raises Refused, with a word for it where the
vectors have one."""
from .octets import Refused
from .domain import read_domain
from .mailbox import make_canonical, read_canonical, same_user, without_detail
from .conversation import read_answer, read_question, write_answer, write_question
from .author import read_from
from .candidates import candidates_of
from .key import key_id, public_of, read_key, write_key
from .payload import (Pair, covers, open_sealed, read_inside, read_receiving, recipients_at, seal,
    write_receiving)
from .sealed import (answer_key_id, open_answer, open_question, seal_answer, seal_question,
    shared_secret)
from .classic import open_classic, read_classic, read_rsa_key
from .stamp import FIELD_NAME, read_stamp, stamp_that_counts, write_stamp
from .digest import digest_of, hashed_octets
from .judgement import Domain, FORGED, Rule, answer_to, judge
