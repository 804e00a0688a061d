#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""PyKMIP's server, made to be like servers that it is not like.

    kmip-server.py [OPTIONS] PYKMIP-SERVER-OPTIONS

Everything else is PyKMIP's own. For tests of vtpm-key-kmip.
"""
import argparse
import os
import socket
import sys

from kmip.core import enums, exceptions
from kmip.core.messages import contents, payloads
from kmip.services.server import engine, server, session


def name_of(operation):
    return "".join(word.capitalize() for word in operation.name.split("_"))


class Engine(engine.KmipEngine):
    options = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.options.versions:
            wanted = [contents.ProtocolVersion(*map(int, v.split(".")))
                      for v in self.options.versions.split(",")]
            self._protocol_versions = wanted
            self.default_protocol_version = wanted[-1]

    def _set_protocol_version(self, protocol_version):
        super()._set_protocol_version(protocol_version)
        if self.options.log_versions:
            with open(self.options.log_versions, "a") as f:
                print(protocol_version, file=f)

    def _process_operation(self, operation, payload):
        if name_of(operation) in self.options.without:
            raise exceptions.OperationNotSupported("%s is not offered" % name_of(operation))
        return super()._process_operation(operation, payload)

    def _process_query(self, payload):
        """Says that it has what --claim names, although it has not."""
        answer = super()._process_query(payload)
        hidden = set(self.options.without) - set(self.options.claim)
        answer.operations = [o for o in answer.operations if name_of(o) not in hidden]
        return answer

    def _process_destroy(self, payload):
        """As KMIP has it: the object stays, as one that was destroyed."""
        if not self.options.keep_destroyed:
            return super()._process_destroy(payload)
        uid = payload.unique_identifier.value
        key = self._get_object_with_access_controls(uid, enums.Operation.DESTROY)
        key.state = enums.State.DESTROYED
        self._data_session.commit()
        return payloads.DestroyResponsePayload(unique_identifier=payload.unique_identifier)

    def _process_get(self, payload):
        if self.options.keep_destroyed:
            key = self._get_object_with_access_controls(payload.unique_identifier,
                                                        enums.Operation.GET)
            if key.state == enums.State.DESTROYED:
                raise exceptions.KmipError(enums.ResultStatus.OPERATION_FAILED,
                                           enums.ResultReason.OBJECT_DESTROYED, "destroyed")
        return super()._process_get(payload)


def record_answers(directory):
    """Append what each connection is sent to a file of its own."""
    original = session.KmipSession._send_response

    def send(self, data):
        with open(os.path.join(directory, "%d" % id(self)), "ab") as f:
            f.write(data)
        original(self, data)
    session.KmipSession._send_response = send


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--versions", help="comma separated, the only ones it speaks")
    parser.add_argument("--without", action="append", default=[], help="operation it lacks")
    parser.add_argument("--claim", action="append", default=[],
                        help="operation it lacks, but does not say so in Query")
    parser.add_argument("--keep-destroyed", action="store_true")
    parser.add_argument("--ipv6", action="store_true")
    parser.add_argument("--log-versions", help="file for the version of each request")
    parser.add_argument("--record", help="directory for what is answered")
    options, rest = parser.parse_known_args()
    Engine.options = options
    options.without += options.claim
    engine.KmipEngine = Engine
    if options.ipv6:
        socket.AF_INET = socket.AF_INET6
    if options.record:
        record_answers(options.record)
    sys.argv = [sys.argv[0]] + rest
    server.main()


if __name__ == "__main__":
    main()
