/* xml: any document; what is read is canonical, has an XML form or none, and the
 * form reads back as the same value. */
#include "codec/xml.h"
#include "schema/schema.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf cbor = buf_make(1 << 22), xml = buf_make(1 << 24), again = buf_make(1 << 22);

	if (xml_to_cbor(bytes_make(data, size), &codec_default_limits, &schema_xml, &cbor) == ERR_OK) {
		if (cbor_check(bytes_of_buf(&cbor), &codec_default_limits) != ERR_OK)
			abort();
		if (cbor_to_xml(bytes_of_buf(&cbor), &schema_xml, &xml) == ERR_OK &&
		    xml.n < codec_default_limits.octets &&
		    (xml_to_cbor(bytes_of_buf(&xml), &codec_default_limits, &schema_xml, &again) != ERR_OK ||
		     !bytes_equal(bytes_of_buf(&cbor), bytes_of_buf(&again))))
			abort();
	} else if (cbor.n) {
		abort();
	}
	buf_free(&cbor);
	buf_free(&xml);
	buf_free(&again);
	return 0;
}
