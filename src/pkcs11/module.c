/* module.c: begin and end, the one slot and its token, the list of functions. */
#define _GNU_SOURCE
#include "pkcs11/module.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct module module = { .link = { .fd = -1, .dead = true } };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REFUSED(function, arguments, answer)                                   \
	CK_RV function arguments                                               \
	{                                                                      \
		return module.process == getpid() ? (answer) : CKR_CRYPTOKI_NOT_INITIALIZED; \
	}
#include "pkcs11/refused.def"
#undef REFUSED

CK_RV module_enter(void)
{
	/* A child is somebody else, and may be another user. */
	if (module.process != getpid())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (pthread_mutex_lock(&lock) != 0)
		return CKR_CANT_LOCK;
	return CKR_OK;
}

CK_RV module_leave(CK_RV result)
{
	return pthread_mutex_unlock(&lock) == 0 ? result : CKR_GENERAL_ERROR;
}

CK_RV module_result(err_t err)
{
	static const struct {
		err_t err;
		CK_RV rv;
	} rows[] = {
		{ ERR_OK, CKR_OK }, { ERR_REFUSED, CKR_KEY_FUNCTION_NOT_PERMITTED },
		{ ERR_MISSING, CKR_KEY_HANDLE_INVALID }, { ERR_SYNTAX, CKR_DATA_INVALID },
		{ ERR_LIMIT, CKR_FUNCTION_CANCELED }, { ERR_CLOSED, CKR_TOKEN_NOT_PRESENT },
		{ ERR_LOCKED, CKR_TOKEN_NOT_PRESENT }, { ERR_MEMORY, CKR_HOST_MEMORY },
		{ ERR_UNSUPPORTED, CKR_MECHANISM_INVALID },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].err == err)
			return rows[i].rv;
	}
	return CKR_DEVICE_ERROR;
}

/* --- begin and end ------------------------------------------------------------- */

static void forget_all(void)
{
	door_close();
	objects_forget();
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		mem_free(module.sessions[i].found);
		buf_free(&module.sessions[i].input);
		buf_free(&module.sessions[i].additional);
		module.sessions[i] = (struct session){ 0 };
	}
	module.process = 0;
}

/* Threads are handled by the system's locks or, where there are none, not at all. */
static CK_RV read_arguments(const CK_C_INITIALIZE_ARGS *a)
{
	const char *path = a ? a->pReserved : NULL, *folder = secure_getenv("HOLDFAST_CERTIFICATES");
	bool own_locks = a && a->CreateMutex && !(a->flags & CKF_OS_LOCKING_OK);

	if (own_locks)
		return CKR_CANT_LOCK;
	if (!path || !*path)
		path = secure_getenv("HOLDFAST_PROGRAMS");
	if (!path || !*path)
		path = DOOR_DEFAULT;
	module.with_ed25519 = secure_getenv("HOLDFAST_ED25519") != NULL;
	if (bytes_put_str(module.socket, sizeof(module.socket), bytes_str(path)) != ERR_OK ||
	    bytes_put_str(module.certificates, sizeof(module.certificates), bytes_str(folder)) != ERR_OK)
		return CKR_ARGUMENTS_BAD;
	return CKR_OK;
}

CK_RV C_Initialize(void *arguments)
{
	CK_RV rv;

	if (module.process == getpid())
		return CKR_CRYPTOKI_ALREADY_INITIALIZED;
	/* A thread of the parent may have held it when this child was made. */
	if (module.process)
		lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	if (pthread_mutex_lock(&lock) != 0)
		return CKR_CANT_LOCK;
	forget_all();
	rv = read_arguments(arguments);
	if (rv == CKR_OK)
		module.process = getpid();
	return module_leave(rv);
}

CK_RV C_Finalize(void *reserved)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	if (reserved)
		return module_leave(CKR_ARGUMENTS_BAD);
	forget_all();
	return module_leave(CKR_OK);
}

/* --- library, slot, token ------------------------------------------------------- */

/* Padded with blanks, not terminated. */
static void put_text(unsigned char *to, size_t size, const char *text)
{
	struct bytes t = bytes_sub(bytes_str(text), 0, size);

	bytes_copy(to, t.p, t.n);
	for (size_t i = t.n; i < size; i++)
		to[i] = ' ';
}

CK_RV C_GetInfo(CK_INFO *info)
{
	if (module.process != getpid())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (!info)
		return CKR_ARGUMENTS_BAD;
	*info = (CK_INFO){ .cryptokiVersion = { 2, 40 }, .libraryVersion = { 0, 1 } };
	put_text(info->manufacturerID, sizeof(info->manufacturerID), "Holdfast");
	put_text(info->libraryDescription, sizeof(info->libraryDescription), "Holdfast keys of programs");
	return CKR_OK;
}

/* Is a keeper there that lists this user's keys? */
static bool token_present(void)
{
	return objects_refresh() == ERR_OK;
}

static CK_RV slot_list(bool present, CK_SLOT_ID *list, CK_ULONG *n)
{
	CK_ULONG room = n ? *n : 0;

	if (!n)
		return CKR_ARGUMENTS_BAD;
	*n = !present || token_present();
	if (!list)
		return CKR_OK;
	if (room < *n)
		return CKR_BUFFER_TOO_SMALL;
	if (*n)
		list[0] = SLOT;
	return CKR_OK;
}

CK_RV C_GetSlotList(unsigned char present, CK_SLOT_ID *list, CK_ULONG *n)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(slot_list(present, list, n)) : rv;
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	if (slot != SLOT)
		return module_leave(CKR_SLOT_ID_INVALID);
	if (!info)
		return module_leave(CKR_ARGUMENTS_BAD);
	*info = (CK_SLOT_INFO){ .flags = CKF_REMOVABLE_DEVICE | (token_present() ? CKF_TOKEN_PRESENT : 0) };
	put_text(info->slotDescription, sizeof(info->slotDescription), "Holdfast door");
	put_text(info->manufacturerID, sizeof(info->manufacturerID), "Holdfast");
	return module_leave(CKR_OK);
}

/* No login: CKF_LOGIN_REQUIRED is not set. Nothing is written: it is protected. */
static void token_info(CK_TOKEN_INFO *info)
{
	*info = (CK_TOKEN_INFO){
		.flags = CKF_WRITE_PROTECTED | CKF_TOKEN_INITIALIZED | CKF_RNG,
		.ulMaxSessionCount = SESSIONS_MAX, .ulMaxRwSessionCount = SESSIONS_MAX,
		.ulSessionCount = CK_UNAVAILABLE_INFORMATION,
		.ulRwSessionCount = CK_UNAVAILABLE_INFORMATION,
		.ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION,
		.ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION,
		.ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION,
		.ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION,
	};
	put_text(info->label, sizeof(info->label), "Holdfast");
	put_text(info->manufacturerID, sizeof(info->manufacturerID), "Holdfast");
	put_text(info->model, sizeof(info->model), "keeper");
	put_text(info->serialNumber, sizeof(info->serialNumber), "1");
	put_text(info->utcTime, sizeof(info->utcTime), "");
}

CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	if (slot != SLOT)
		rv = CKR_SLOT_ID_INVALID;
	else if (!info)
		rv = CKR_ARGUMENTS_BAD;
	else if (!token_present())
		rv = CKR_TOKEN_NOT_PRESENT;
	else
		token_info(info);
	return module_leave(rv);
}

static const struct {
	CK_MECHANISM_TYPE type;
	CK_MECHANISM_INFO info;
} mechanisms[] = {
	{ CKM_ECDSA, { 256, 256, CKF_SIGN | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS } },
	{ CKM_ECDSA_SHA256, { 256, 256, CKF_SIGN | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS } },
	{ CKM_EDDSA, { 255, 255, CKF_SIGN | CKF_EC_NAMEDCURVE } },
	{ CKM_AES_GCM, { 32, 32, CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP } },
	{ CKM_AES_KEY_GEN, { 32, 32, CKF_GENERATE } },
	{ CKM_ECDH1_DERIVE, { 256, 256, CKF_DERIVE | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS } },
};

CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *n)
{
	CK_ULONG room = n ? *n : 0;

	if (module.process != getpid())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (slot != SLOT)
		return CKR_SLOT_ID_INVALID;
	if (!n)
		return CKR_ARGUMENTS_BAD;
	*n = COUNT_OF(mechanisms);
	if (!list)
		return CKR_OK;
	if (room < *n)
		return CKR_BUFFER_TOO_SMALL;
	for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
		list[i] = mechanisms[i].type;
	return CKR_OK;
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	if (module.process != getpid())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (slot != SLOT)
		return CKR_SLOT_ID_INVALID;
	if (!info)
		return CKR_ARGUMENTS_BAD;
	for (size_t i = 0; i < COUNT_OF(mechanisms); i++) {
		if (mechanisms[i].type != type)
			continue;
		*info = mechanisms[i].info;
		return CKR_OK;
	}
	return CKR_MECHANISM_INVALID;
}

/* --- the list of functions -------------------------------------------------------- */

static CK_FUNCTION_LIST functions = {
	.version = { 2, 40 },
#define CARRIED(function) .function = function
	CARRIED(C_Initialize), CARRIED(C_Finalize), CARRIED(C_GetInfo), CARRIED(C_GetFunctionList),
	CARRIED(C_GetSlotList), CARRIED(C_GetSlotInfo), CARRIED(C_GetTokenInfo),
	CARRIED(C_GetMechanismList), CARRIED(C_GetMechanismInfo), CARRIED(C_OpenSession),
	CARRIED(C_CloseSession), CARRIED(C_CloseAllSessions), CARRIED(C_GetSessionInfo),
	CARRIED(C_Login), CARRIED(C_Logout), CARRIED(C_DestroyObject), CARRIED(C_GetAttributeValue),
	CARRIED(C_FindObjectsInit), CARRIED(C_FindObjects), CARRIED(C_FindObjectsFinal),
	CARRIED(C_SignInit), CARRIED(C_Sign), CARRIED(C_SignUpdate), CARRIED(C_SignFinal),
	CARRIED(C_DeriveKey), CARRIED(C_EncryptInit), CARRIED(C_Encrypt), CARRIED(C_DecryptInit), CARRIED(C_Decrypt),
	CARRIED(C_GenerateKey), CARRIED(C_WrapKey), CARRIED(C_UnwrapKey), CARRIED(C_GenerateRandom),
#undef CARRIED
#define REFUSED(function, arguments, answer) .function = function,
#include "pkcs11/refused.def"
#undef REFUSED
};

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	if (!list)
		return CKR_ARGUMENTS_BAD;
	*list = &functions;
	return CKR_OK;
}
