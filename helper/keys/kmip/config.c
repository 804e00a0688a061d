// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "keys/kmip/config.h"

#define DEFAULT_TIMEOUT 10
/* All servers in turn have to fit into the manager's minute for a request. */
#define MAX_TOTAL 50

static int bad_config(struct error *err, const char *name, const char *what)
{
	return error_set(err, -EINVAL, VTPM_ERR_INVALID,
			 "the configuration's member \"%s\" %s; see \"The kmip "
			 "provider\" in key-providers.rst",
			 name, what);
}

/* A misspelt member would leave a default that nobody asked for. */
static int check_members(const json_t *config, struct error *err)
{
	static const char *const known[] = {
		"servers",     "ca",	  "certificate",
		"private-key", "version", "timeout-seconds",
		"mode",	       "label",
	};
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)config, name, v) {
		size_t i = 0, n = sizeof(known) / sizeof(known[0]);

		while (i < n && strcmp(known[i], name))
			i++;
		if (i == n)
			return bad_config(err, name, "is not known");
	}
	return 0;
}

/* HOST:PORT, or [ADDRESS]:PORT for IPv6. */
static int read_server(const char *text, struct kmip_server *out)
{
	const char *name = text, *colon = text ? strrchr(text, ':') : NULL;
	uint32_t port;
	size_t len;

	if (!colon || number_parse(colon + 1, 1, 65535, &port) ||
	    strlen(colon + 1) >= sizeof(out->port))
		return -EINVAL;
	len = colon - text;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return -EINVAL;
	}
	if (!len || len > KMIP_MAX_HOST)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~' || strchr("[]", text[i]))
			return -EINVAL;
	}
	snprintf(out->name, sizeof(out->name), "%s", name);
	memcpy(out->host, text, len);
	out->host[len] = '\0';
	snprintf(out->port, sizeof(out->port), "%s", colon + 1);
	return 0;
}

static int read_servers(const json_t *config, struct kmip_config *c,
			struct error *err)
{
	const json_t *list = json_object_get(config, "servers");
	size_t n = json_array_size(list);

	if (!n || n > KMIP_MAX_SERVERS)
		return bad_config(err, "servers",
				  "is not a list of 1 to 5 HOST:PORT");
	for (size_t i = 0; i < n; i++) {
		if (read_server(json_string_value(json_array_get(list, i)),
				&c->server[i]))
			return bad_config(err, "servers",
					  "has one that is not HOST:PORT");
	}
	c->servers = n;
	return 0;
}

static int read_file_name(const json_t *config, const char *name,
			  const char **out, struct error *err)
{
	const char *v = json_string_value(json_object_get(config, name));

	if (!v || !*v)
		return bad_config(err, name, "is not the name of a file");
	*out = v;
	return 0;
}

static int read_version(const json_t *config, struct kmip_version *out,
			struct error *err)
{
	const json_t *v = json_object_get(config, "version");
	const char *text = json_string_value(v);

	*out = (struct kmip_version){ 0, 0 };
	if (!v || (text && !strcmp(text, "auto")))
		return 0;
	if (text && !strcmp(text, "2.0")) {
		*out = (struct kmip_version){ 2, 0 };
		return 0;
	}
	if (text && strlen(text) == 3 && text[0] == '1' && text[1] == '.' &&
	    text[2] >= '2' && text[2] <= '4') {
		*out = (struct kmip_version){ 1, text[2] - '0' };
		return 0;
	}
	return bad_config(err, "version",
			  "is not \"1.2\", \"1.3\", \"1.4\", \"2.0\" or "
			  "\"auto\"");
}

static int read_mode(const json_t *config, enum kmip_mode *out,
		     struct error *err)
{
	static const char *const names[] = {
		[KMIP_GET] = "get",
		[KMIP_ENCRYPT] = "encrypt",
		[KMIP_AUTO] = "auto",
	};
	const json_t *v = json_object_get(config, "mode");
	const char *text = v ? json_string_value(v) : "auto";

	for (int i = 0; text && i <= KMIP_AUTO; i++) {
		if (!strcmp(text, names[i])) {
			*out = i;
			return 0;
		}
	}
	return bad_config(err, "mode",
			  "is not \"get\", \"encrypt\" or \"auto\"");
}

static int read_timeout(const json_t *config, struct kmip_config *c,
			struct error *err)
{
	const json_t *v = json_object_get(config, "timeout-seconds");
	json_int_t n = v ? json_integer_value(v) : DEFAULT_TIMEOUT;

	/* Also what is no integer. */
	if (n < 1 || n > MAX_TOTAL || n * (json_int_t)c->servers > MAX_TOTAL)
		return bad_config(err, "timeout-seconds",
				  "is not 1 to 50, divided by the number of "
				  "servers");
	c->timeout = n;
	return 0;
}

int kmip_config_read(const struct request *r, struct kmip_config *out,
		     struct error *err)
{
	const json_t *j = r->config, *label = json_object_get(j, "label");
	int e;

	memset(out, 0, sizeof(*out));
	e = check_members(j, err);
	if (!e)
		e = read_servers(j, out, err);
	if (!e)
		e = read_file_name(j, "ca", &out->ca, err);
	if (!e)
		e = read_file_name(j, "certificate", &out->certificate, err);
	if (!e)
		e = read_file_name(j, "private-key", &out->private_key, err);
	if (!e)
		e = read_version(j, &out->version, err);
	if (!e)
		e = read_mode(j, &out->mode, err);
	if (!e)
		e = read_timeout(j, out, err);
	if (e)
		return e;
	out->label = label ? json_string_value(label) : r->provider;
	if (!out->label || !name_valid(out->label) ||
	    strlen(out->label) > KMIP_MAX_LABEL)
		return bad_config(err, "label", "is not a name");
	return 0;
}
