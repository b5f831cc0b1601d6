/* session.c: sessions, finding objects, reading attributes. */
#include "base/secret.h"
#include "pkcs11/module.h"

struct session *session_find(CK_SESSION_HANDLE handle)
{
	for (size_t i = 0; handle && i < SESSIONS_MAX; i++) {
		if (module.sessions[i].handle == handle)
			return &module.sessions[i];
	}
	return NULL;
}

static void session_close(struct session *s)
{
	secrets_forget(s->handle);
	mem_free(s->found);
	buf_free(&s->input);
	buf_free(&s->additional);
	*s = (struct session){ 0 };
}

/* Its place and a number that no other session had. */
static struct session *session_new(CK_FLAGS flags)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &module.sessions[i];

		if (s->handle)
			continue;
		*s = (struct session){ .handle = ++module.last_session, .flags = flags,
			               .input = buf_make(PROGRAM_INPUT_MAX) };
		return s;
	}
	return NULL;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_SESSION_HANDLE *out)
{
	struct session *s;

	if (slot != SLOT)
		return CKR_SLOT_ID_INVALID;
	if (!out)
		return CKR_ARGUMENTS_BAD;
	if (!(flags & CKF_SERIAL_SESSION))
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	s = session_new(flags);
	if (!s)
		return CKR_SESSION_COUNT;
	*out = s->handle;
	return CKR_OK;
}

CK_RV C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                    CK_SESSION_HANDLE *out)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(open_session(slot, flags, out)) : rv;
}

CK_RV C_CloseSession(CK_SESSION_HANDLE handle)
{
	CK_RV rv = module_enter();
	struct session *s;

	if (rv != CKR_OK)
		return rv;
	s = session_find(handle);
	if (s)
		session_close(s);
	return module_leave(s ? CKR_OK : CKR_SESSION_HANDLE_INVALID);
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	if (slot != SLOT)
		return module_leave(CKR_SLOT_ID_INVALID);
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		if (module.sessions[i].handle)
			session_close(&module.sessions[i]);
	}
	return module_leave(CKR_OK);
}

static CK_RV session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
	struct session *s = session_find(handle);

	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!info)
		return CKR_ARGUMENTS_BAD;
	*info = (CK_SESSION_INFO){ .slotID = SLOT, .flags = s->flags,
		                   .state = s->flags & CKF_RW_SESSION ? CKS_RW_USER_FUNCTIONS
		                                                      : CKS_RO_USER_FUNCTIONS };
	return CKR_OK;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(session_info(handle, info)) : rv;
}

/* The kernel said who is there; a PIN adds nothing and is not looked at. */
CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, unsigned char *pin, CK_ULONG n)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	if (!session_find(handle))
		return module_leave(CKR_SESSION_HANDLE_INVALID);
	return module_leave(user == CKU_USER ? CKR_OK : CKR_USER_TYPE_INVALID);
}

CK_RV C_Logout(CK_SESSION_HANDLE handle)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	return module_leave(session_find(handle) ? CKR_OK : CKR_SESSION_HANDLE_INVALID);
}

/* --- finding ------------------------------------------------------------------- */

static bool matches(CK_OBJECT_HANDLE object, const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	struct buf value = buf_make(ATTRIBUTE_MAX);
	bool all = true;

	for (CK_ULONG i = 0; i < n && all; i++) {
		buf_clear(&value);
		all = attribute_get(object, templ[i].type, &value) == CKR_OK &&
		      bytes_equal(bytes_of_buf(&value), bytes_make(templ[i].pValue, templ[i].ulValueLen));
	}
	buf_free(&value);
	return all;
}

static void collect(struct session *s, CK_OBJECT_HANDLE object, const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	if (object_exists(object) && matches(object, templ, n))
		s->found[s->found_n++] = object;
}

static CK_RV find_init(CK_SESSION_HANDLE handle, const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	struct session *s = session_find(handle);
	err_t err;

	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (s->finding)
		return CKR_OPERATION_ACTIVE;
	if (n && !templ)
		return CKR_ARGUMENTS_BAD;
	err = objects_refresh();
	if (err != ERR_OK)
		return module_result(err);
	mem_free(s->found);
	s->found_n = s->found_at = 0;
	s->found = mem_new(OBJECT_KINDS * module.keys_n + SECRETS_MAX, sizeof(CK_OBJECT_HANDLE));
	if (!s->found)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < module.keys_n; i++) {
		for (enum object_kind kind = OBJECT_PRIVATE; kind < OBJECT_KINDS; kind++) {
			if (kind != OBJECT_SECRET)
				collect(s, object_handle(i, kind), templ, n);
		}
	}
	for (size_t i = 0; i < SECRETS_MAX; i++)
		collect(s, object_handle(i, OBJECT_SECRET), templ, n);
	s->finding = true;
	return CKR_OK;
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *templ, CK_ULONG n)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(find_init(handle, templ, n)) : rv;
}

static CK_RV find_next(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *n)
{
	struct session *s = session_find(handle);

	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!s->finding)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!out || !n)
		return CKR_ARGUMENTS_BAD;
	for (*n = 0; *n < max && s->found_at < s->found_n; ++*n)
		out[*n] = s->found[s->found_at++];
	return CKR_OK;
}

CK_RV C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *n)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(find_next(handle, out, max, n)) : rv;
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
	CK_RV rv = module_enter();
	struct session *s;

	if (rv != CKR_OK)
		return rv;
	s = session_find(handle);
	if (!s)
		return module_leave(CKR_SESSION_HANDLE_INVALID);
	if (!s->finding)
		return module_leave(CKR_OPERATION_NOT_INITIALIZED);
	s->finding = false;
	return module_leave(CKR_OK);
}

/* --- attributes ------------------------------------------------------------------ */

static CK_RV get_one(CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a, struct buf *value)
{
	CK_RV rv;

	buf_clear(value);
	rv = attribute_get(object, a->type, value);
	if (rv == CKR_OK && a->pValue && a->ulValueLen < value->n)
		rv = CKR_BUFFER_TOO_SMALL;
	if (rv != CKR_OK) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return rv;
	}
	if (a->pValue)
		bytes_copy(a->pValue, value->p, value->n);
	a->ulValueLen = value->n;
	return CKR_OK;
}

/* All are looked at; the answer is the first that failed [Cryptoki 5.7]. */
static CK_RV get_attributes(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *templ,
                            CK_ULONG n)
{
	struct buf value = buf_make(ATTRIBUTE_MAX);
	CK_RV first = CKR_OK;

	if (!session_find(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (!object_exists(object))
		return CKR_OBJECT_HANDLE_INVALID;
	if (n && !templ)
		return CKR_ARGUMENTS_BAD;
	for (CK_ULONG i = 0; i < n; i++) {
		CK_RV rv = get_one(object, &templ[i], &value);

		first = first == CKR_OK ? rv : first;
	}
	buf_free(&value);
	return first;
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *templ,
                          CK_ULONG n)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(get_attributes(handle, object, templ, n)) : rv;
}

/* Keys are ended by an administrator; a program may forget what it agreed. */
static CK_RV destroy(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
	struct agreed *a = object_secret(object);

	if (!session_find(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (!a)
		return object_exists(object) ? CKR_ACTION_PROHIBITED : CKR_OBJECT_HANDLE_INVALID;
	secret_wipe(a, sizeof(*a));
	return CKR_OK;
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(destroy(handle, object)) : rv;
}
