// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A PKCS#11 module in front of another one, $PKCS11_REAL: sessions and logins are
 * noted in the file $PKCS11_COUNT, a line each. For tests.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

static CK_FUNCTION_LIST ours, *real;

static void note(const char *line)
{
	int fd = open(getenv("PKCS11_COUNT"), O_WRONLY | O_APPEND | O_CREAT,
		      0600);

	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		abort();
	close(fd);
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *app,
			  CK_NOTIFY notify, CK_SESSION_HANDLE *out)
{
	note("session\n");
	return real->C_OpenSession(slot, flags, app, notify, out);
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user,
		   unsigned char *pin, CK_ULONG len)
{
	note("login\n");
	return real->C_Login(session, user, pin, len);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	void *module = dlopen(getenv("PKCS11_REAL"), RTLD_NOW);
	CK_C_GetFunctionList get;

	if (!module)
		return CKR_GENERAL_ERROR;
	*(void **)&get = dlsym(module, "C_GetFunctionList");
	if (!get || get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	ours = *real;
	ours.C_OpenSession = open_session;
	ours.C_Login = login;
	*out = &ours;
	return CKR_OK;
}
