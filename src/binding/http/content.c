/* content.c: the content of a message in each serialisation, a row each. */
#include "binding/http/fields.h"

#include "codec/json.h"
#include "codec/xml.h"
#include "schema/schema.h"

static err_t read_xml(struct bytes in, const struct codec_limits *limits, struct buf *out)
{
	return xml_to_cbor(in, limits, &schema_xml, out);
}

static err_t write_xml(struct bytes in, struct buf *out)
{
	return cbor_to_xml(in, &schema_xml, out);
}

static err_t write_cbor(struct bytes in, struct buf *out)
{
	return buf_add(out, in);
}

static const struct {
	err_t (*read)(struct bytes in, const struct codec_limits *limits, struct buf *out);
	err_t (*write)(struct bytes in, struct buf *out);
} serials[HTTP_SERIAL_COUNT] = {
	[HTTP_JSON] = { json_to_cbor, cbor_to_json },
	[HTTP_CBOR] = { cbor_canonical, write_cbor },
	[HTTP_XML] = { read_xml, write_xml },
};

err_t content_read(enum http_serial serial, struct bytes in, const struct codec_limits *limits,
                   struct buf *out)
{
	must(serial < HTTP_SERIAL_COUNT);
	return serials[serial].read(in, limits, out);
}

err_t content_write(enum http_serial serial, struct bytes in, struct buf *out)
{
	must(serial < HTTP_SERIAL_COUNT);
	return serials[serial].write(in, out);
}
