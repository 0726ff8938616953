"""Starts ministack with Nagle's algorithm off: its Runtime API otherwise stalls every invocation for 40 ms."""

import socketserver
import sys

socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.app import main  # noqa: E402  The line above must come first.

sys.exit(main())
