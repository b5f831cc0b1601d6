/* pkcs11.c: the module without a door: what it parses, and its answers. */
#include "pkcs11/module.h"
#include "unit.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static CK_FUNCTION_LIST *f;

static void test_signature_raw(void **state)
{
	static const struct { const char *der; size_t n; bool good; } rows[] = {
		{ "\x30\x06\x02\x01\x01\x02\x01\x02", 8, true }, { "\x30\x07\x02\x02\x00\xff\x02\x01\x02", 9, true },
		{ "\x30\x06\x02\x01\x81\x02\x01\x02", 8, false }, { "\x30\x06\x02\x01\x01\x02\x01", 7, false },
		{ "\x30\x07\x02\x01\x01\x02\x01\x02\x00", 9, false }, { "\x31\x06\x02\x01\x01\x02\x01\x02", 8, false },
		{ "\x30\x05\x02\x00\x02\x01\x02", 7, false }, { "\x30\x06\x03\x01\x01\x02\x01\x02", 8, false }, { "", 0, false },
	};
	uint8_t out[SIGNATURE], longest[2 + 2 * 35] = { 0x30, 70, 0x02, 33, 0 };

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(signature_raw(bytes_make(rows[i].der, rows[i].n), out) == ERR_OK, rows[i].good);
	assert_int_equal(signature_raw(bytes_make(rows[1].der, rows[1].n), out), ERR_OK);
	assert_int_equal(out[31], 0xff);
	assert_int_equal(out[30], 0);
	assert_int_equal(out[63], 2);
	longest[37] = 0x02;
	longest[38] = 33;
	longest[5] = longest[40] = 0x80;
	assert_int_equal(signature_raw(BYTES_OF(longest), out), ERR_OK);
	longest[4] = 1;
	assert_int_equal(signature_raw(BYTES_OF(longest), out), ERR_SYNTAX);
}

static void test_certificate(void **state)
{
	static const uint8_t der[] = { 0x30, 27, 0x30, 25, 0xa0, 3, 2, 1, 2, 2, 1, 9, 0x30, 0, 0x30, 2, 5, 0, 0x30, 0,
		                       0x30, 1, 7, 0x30, 4, 1, 2, 3, 4 };
	struct certificate c;
	uint8_t cut[sizeof(der)];

	assert_int_equal(certificate_read(BYTES_OF(der), &c), ERR_OK);
	assert_int_equal(c.serial.n, 3);
	assert_int_equal(c.issuer.n, 4);
	assert_int_equal(c.subject.n, 3);
	assert_int_equal(c.public_key_info.n, 6);
	for (size_t n = 0; n < sizeof(der); n++) {
		bytes_copy(cut, der, n);
		assert_int_equal(certificate_read(bytes_make(cut, n), &c), ERR_SYNTAX);
	}
}

static void test_rows(void **state)
{
	static const struct { unsigned class, purpose; size_t n; bool good; } rows[] = {
		{ KEY_EC_P256, SIGN_PROGRAM, 65, true }, { KEY_ED25519, SIGN_PROGRAM, 32, true }, { KEY_EC_P256, SIGN_PROGRAM, 64, false },
		{ KEY_ED25519, SIGN_PROGRAM, 65, false }, { KEY_SYMMETRIC_32, SIGN_PROGRAM, 32, false }, { 0, SIGN_PROGRAM, 32, false },
		{ KEY_EC_P256, SIGN_STATEMENT, 65, false }, { KEY_EC_P256, 255, 65, false },
	};
	static const uint8_t key[65] = { 4 };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf b = buf_make(256);
		struct wire_out w = wire_out(&b);
		struct wire_in in;
		struct key_row row;

		wire_put_bytes(&w, BYTES("app/1/x"));
		wire_put_u8(&w, (uint8_t)rows[i].class);
		wire_put_u8(&w, (uint8_t)rows[i].purpose);
		wire_put_bytes(&w, bytes_make(key, rows[i].n));
		in = wire_in(bytes_of_buf(&b));
		assert_int_equal(key_row_read(&in, &row) == ERR_OK, rows[i].good);
		buf_free(&b);
	}
}

/* Before C_Initialize nothing; without a door a slot without a token. */
static void test_without_a_door(void **state)
{
	CK_ATTRIBUTE class = { CKA_CLASS, NULL, 0 };
	CK_MECHANISM gcm = { CKM_AES_GCM, NULL, 0 };
	CK_OBJECT_HANDLE object;
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO token;
	CK_ULONG n;
	uint8_t out[64];

	assert_int_equal(f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(f->C_WrapKey(0, NULL, 0, 0, NULL, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(setenv("HOLDFAST_PROGRAMS", "/nonexistent/socket", 1), 0);
	assert_int_equal(f->C_Initialize(NULL), CKR_OK);
	assert_int_equal(f->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	assert_int_equal(f->C_GetSlotList(CK_TRUE, NULL, &n), CKR_OK);
	assert_int_equal(n, 0);
	assert_int_equal(f->C_GetSlotList(CK_FALSE, NULL, &n), CKR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(f->C_GetTokenInfo(0, &token), CKR_TOKEN_NOT_PRESENT);
	assert_int_equal(f->C_GetTokenInfo(1, &token), CKR_SLOT_ID_INVALID);
	assert_int_equal(f->C_OpenSession(0, 0, NULL, NULL, &s), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	assert_int_equal(f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
	assert_int_equal(f->C_FindObjectsInit(s, NULL, 0), CKR_TOKEN_NOT_PRESENT);
	assert_int_equal(f->C_Sign(s, out, 1, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	for (CK_OBJECT_HANDLE h = 0; h < 5000; h++)
		assert_int_equal(f->C_GetAttributeValue(s, h, &class, 1), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(f->C_GetAttributeValue(s, ~0UL, &class, 1), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(f->C_WrapKey(s, NULL, 0, 0, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_WrapKey(s, &gcm, 1, 1, NULL, NULL), CKR_WRAPPING_KEY_HANDLE_INVALID);
	assert_int_equal(f->C_UnwrapKey(s, &gcm, 1, out, 64, NULL, 0, &object), CKR_WRAPPING_KEY_HANDLE_INVALID);
	assert_int_equal(f->C_EncryptInit(s, &gcm, 1), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(f->C_Encrypt(s, out, 1, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(f->C_GenerateKey(s, &gcm, NULL, 0, &object), CKR_MECHANISM_INVALID);
	assert_int_equal(f->C_GenerateRandom(s, out, 64), CKR_TOKEN_NOT_PRESENT);
	assert_int_equal(f->C_GenerateRandom(0, out, 64), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(f->C_SignRecoverInit(s, NULL, 0), CKR_FUNCTION_NOT_SUPPORTED);
	assert_int_equal(f->C_DecryptInit(s, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_DecryptUpdate(s, out, 1, out, &n), CKR_FUNCTION_NOT_SUPPORTED);
	assert_int_equal(f->C_CloseSession(s), CKR_OK);
	assert_int_equal(f->C_CloseSession(s), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(f->C_Finalize(NULL), CKR_OK);
	assert_int_equal(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

/* A child is somebody else: it begins anew. */
static void test_fork(void **state)
{
	CK_SESSION_HANDLE s;
	int status = 0;
	pid_t child;

	assert_int_equal(f->C_Initialize(NULL), CKR_OK);
	assert_int_equal(f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
	child = fork();
	if (child == 0) {
		bool good = f->C_CloseSession(s) == CKR_CRYPTOKI_NOT_INITIALIZED && f->C_Initialize(NULL) == CKR_OK &&
		            f->C_CloseSession(s) == CKR_SESSION_HANDLE_INVALID;

		_exit(good ? 0 : 1);
	}
	assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(f->C_CloseSession(s), CKR_OK);
	assert_int_equal(f->C_Finalize(NULL), CKR_OK);
}

/* Each function of the list is there. */
static void test_list(void **state)
{
	void *const *all = (void *const *)(const void *)&f->C_Initialize;

	assert_int_equal(f->version.major, 2);
	assert_int_equal(f->version.minor, 40);
	for (size_t i = 0; i < 68; i++)
		assert_non_null(all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signature_raw), cmocka_unit_test(test_certificate), cmocka_unit_test(test_rows),
		cmocka_unit_test(test_without_a_door), cmocka_unit_test(test_fork), cmocka_unit_test(test_list),
	};

	if (C_GetFunctionList(&f) != CKR_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
