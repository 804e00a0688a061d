// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/options.h"
#include "util/text.h"

static const char usage[] =
	"Usage: vtpm-engine --name NAME --nvram-fd N --key-fd N --control-fd N\n"
	"                   --netlink-fd N --family ID [--checkpoint-fd N]\n"
	"                   [--file PATH] [--user UID:GID]\n"
	"                   [--manufacture [--profile NAME]|--resume|--set-name|--from KIND --from-fd N]\n"
	"       vtpm-engine --name NAME --nvram-fd N --key-fd N --control-fd N --offline\n"
	"                   [--file PATH] [--user UID:GID] [--to KIND --to-fd N]\n"
	"       vtpm-engine --zygote N TITLE\n"
	"\n"
	"Runs one virtual TPM. Started by vtpmd, which opens every descriptor.\n";

int options_number(const char *text, int min)
{
	uint32_t n;

	return number_parse(text, min, 65535, &n) ? -1 : (int)n;
}

static int check_options(const struct options *o)
{
	if (!o->name || o->nvram_fd <= 0 || o->key_fd <= 0 ||
	    o->control_fd <= 0 || !o->from != !o->from_fd || o->from_fd < 0 ||
	    o->manufacture + o->resume + !!o->from + o->offline > 1)
		return -EINVAL;
	if (o->profile && !o->manufacture)
		return -EINVAL;
	/* Offline there is no TPM, and none to be served. */
	if (o->offline)
		return o->netlink_fd || o->checkpoint_fd || o->to_fd < 0 ||
				       !o->to != !o->to_fd
			       ? -EINVAL
			       : 0;
	if (o->to || o->to_fd)
		return -EINVAL;
	if (o->checkpoint_fd < 0 || (o->resume && !o->checkpoint_fd))
		return -EINVAL;
	return o->netlink_fd <= 0 || o->family <= 0 ? -EINVAL : 0;
}

int options_parse(int argc, char **argv, struct options *o)
{
	static const struct option longopts[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "file", required_argument, NULL, 'p' },
		{ "nvram-fd", required_argument, NULL, 's' },
		{ "key-fd", required_argument, NULL, 'k' },
		{ "control-fd", required_argument, NULL, 'c' },
		{ "netlink-fd", required_argument, NULL, 'f' },
		{ "family", required_argument, NULL, 'i' },
		{ "user", required_argument, NULL, 'u' },
		{ "checkpoint-fd", required_argument, NULL, 't' },
		{ "resume", no_argument, NULL, 'r' },
		{ "manufacture", no_argument, NULL, 'm' },
		{ "offline", no_argument, NULL, 'o' },
		{ "set-name", no_argument, NULL, 'N' },
		{ "profile", required_argument, NULL, 'P' },
		{ "from", required_argument, NULL, 'F' },
		{ "from-fd", required_argument, NULL, 'S' },
		{ "to", required_argument, NULL, 'T' },
		{ "to-fd", required_argument, NULL, 'D' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	optind = 0; /* not the first one in an engine of the zygote */
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->name = optarg;
			break;
		case 'p':
			o->file = optarg;
			break;
		case 's':
			o->nvram_fd = options_number(optarg, 3);
			break;
		case 'k':
			o->key_fd = options_number(optarg, 3);
			break;
		case 'c':
			o->control_fd = options_number(optarg, 3);
			break;
		case 'f':
			o->netlink_fd = options_number(optarg, 3);
			break;
		case 'i':
			o->family = options_number(optarg, 1);
			break;
		case 'u':
			o->user = optarg;
			break;
		case 't':
			o->checkpoint_fd = options_number(optarg, 3);
			break;
		case 'r':
			o->resume = true;
			break;
		case 'm':
			o->manufacture = true;
			break;
		case 'o':
			o->offline = true;
			break;
		case 'P':
			o->profile = optarg;
			break;
		case 'N':
			o->set_name = true;
			break;
		case 'F':
			o->from = optarg;
			break;
		case 'S':
			o->from_fd = options_number(optarg, 3);
			break;
		case 'T':
			o->to = optarg;
			break;
		case 'D':
			o->to_fd = options_number(optarg, 3);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		case 'V':
			puts("vtpm-engine " VTPM_VERSION);
			exit(0);
		default:
			return -EINVAL;
		}
	}
	return optind == argc ? check_options(o) : -EINVAL;
}

void options_usage(void)
{
	fputs(usage, stderr);
}
