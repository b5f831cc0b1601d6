/* machine.c: /etc/machine-id and the product UUID of the firmware. */
#include "provider/machine.h"

#include "crypt/crypt.h"

#include <fcntl.h>
#include <unistd.h>

static bool read_part(const char *path, char out[64])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, 63) : 0;

	if (fd >= 0)
		close(fd);
	while (n > 0 && (uint8_t)out[n - 1] <= ' ')
		n--;
	bytes_zero(out + (n > 0 ? n : 0), 64 - (size_t)(n > 0 ? n : 0));
	return n > 0;
}

void machine_choose(struct machine *m, unsigned parts)
{
	m->parts &= parts;
	if (!(m->parts & MACHINE_ID))
		bytes_zero(m->id, sizeof(m->id));
	if (!(m->parts & MACHINE_UUID))
		bytes_zero(m->uuid, sizeof(m->uuid));
	crypt_sha256_two(BYTES_OF(m->id), BYTES_OF(m->uuid), m->identity);
}

void machine_read(struct machine *m)
{
	*m = (struct machine){ 0 };
	if (read_part("/etc/machine-id", m->id))
		m->parts |= MACHINE_ID;
	if (read_part("/sys/class/dmi/id/product_uuid", m->uuid))
		m->parts |= MACHINE_UUID;
	machine_choose(m, m->parts);
}
