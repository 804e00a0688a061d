/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of the KMIP specification, and one exchange of messages. */
#ifndef VTPM_KEYS_KMIP_PROTOCOL_H
#define VTPM_KEYS_KMIP_PROTOCOL_H

#include "keys/kmip/message.h"

enum kmip_tag {
	TAG_ATTRIBUTE = 0x420008,
	TAG_ATTRIBUTE_NAME = 0x42000a,
	TAG_ATTRIBUTE_VALUE = 0x42000b,
	TAG_BATCH_COUNT = 0x42000d,
	TAG_BATCH_ITEM = 0x42000f,
	TAG_BLOCK_CIPHER_MODE = 0x420011,
	TAG_ALGORITHM = 0x420028,
	TAG_LENGTH = 0x42002a,
	TAG_CRYPTO_PARAMETERS = 0x42002b,
	TAG_USAGE_MASK = 0x42002c,
	TAG_NONCE = 0x42003d,
	TAG_KEY_BLOCK = 0x420040,
	TAG_KEY_FORMAT = 0x420042,
	TAG_KEY_MATERIAL = 0x420043,
	TAG_KEY_VALUE = 0x420045,
	TAG_NAME = 0x420053,
	TAG_NAME_TYPE = 0x420054,
	TAG_NAME_VALUE = 0x420055,
	TAG_OBJECT_GROUP = 0x420056,
	TAG_OBJECT_TYPE = 0x420057,
	TAG_OPERATION = 0x42005c,
	TAG_VERSION = 0x420069,
	TAG_MAJOR = 0x42006a,
	TAG_MINOR = 0x42006b,
	TAG_QUERY_FUNCTION = 0x420074,
	TAG_REQUEST_HEADER = 0x420077,
	TAG_REQUEST = 0x420078,
	TAG_REQUEST_PAYLOAD = 0x420079,
	TAG_RESPONSE_HEADER = 0x42007a,
	TAG_RESPONSE = 0x42007b,
	TAG_RESPONSE_PAYLOAD = 0x42007c,
	TAG_RESULT_MESSAGE = 0x42007d,
	TAG_RESULT_REASON = 0x42007e,
	TAG_RESULT_STATUS = 0x42007f,
	TAG_REVOCATION_REASON = 0x420081,
	TAG_REVOCATION_CODE = 0x420082,
	TAG_STATE = 0x42008d,
	TAG_SYMMETRIC_KEY = 0x42008f,
	TAG_TEMPLATE = 0x420091,
	TAG_ID = 0x420094,
	TAG_DATA = 0x4200c2,
	TAG_TAG_LENGTH = 0x4200ce,
	TAG_AEAD_DATA = 0x4200fe,
	TAG_AEAD_TAG = 0x4200ff,
	TAG_ATTRIBUTES = 0x420125,
};

enum kmip_operation {
	DO_CREATE = 1,
	DO_LOCATE = 8,
	DO_GET = 10,
	DO_GET_ATTRIBUTES = 11,
	DO_ACTIVATE = 18,
	DO_REVOKE = 19,
	DO_DESTROY = 20,
	DO_QUERY = 24,
	DO_DISCOVER_VERSIONS = 30,
	DO_ENCRYPT = 31,
	DO_DECRYPT = 32,
};

enum kmip_reason {
	NOT_FOUND = 1,
	NOT_AUTHENTICATED = 3,
	INVALID_MESSAGE = 4,
	NO_OPERATION = 5,
	INVALID_FIELD = 7,
	NO_FEATURE = 8,
	CRYPTO_FAILURE = 10,
	DENIED = 12,
	SENSITIVE = 0x16,
	NOT_EXTRACTABLE = 0x17,
	BAD_PARAMETERS = 0x24,
	DESTROYED = 0x36,
	OBJECT_NOT_FOUND = 0x37,
	NOT_AUTHORISED = 0x39,
	NO_PARAMETERS = 0x3e,
	UNSUPPORTED_VERSION = 0x3f,
	GENERAL_FAILURE = 0x100,
};

/* Ends each text about a key that was destroyed. */
#define KMIP_DESTROYED_MEANS                                                    \
	"what it wrapped is crypto-shredded: no copy of such a vTPM opens any " \
	"more, unless it has another wrap or there is a backup of the key"

struct kmip_request {
	enum kmip_operation operation;
	struct ttlv_writer w;
	struct secret *buf; /* Encrypt has a data key in it */
};

/* Up to the payload. NULL memory shows as an error in kmip_call(). */
void kmip_begin(const struct kmip *k, enum kmip_operation operation,
		struct kmip_request *r);
/*
 * Send, free, receive. @payload is in k->answer; a value of no length if there
 * is none.
 */
int kmip_call(struct kmip *k, struct kmip_request *r, struct ttlv *payload,
	      struct error *err);
/* The server answered what it should not; the connection is given up. */
int kmip_malformed(struct kmip *k, struct error *err);

#endif
