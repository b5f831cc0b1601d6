/* xml_inner.h: shared by the two files of XML. */
#ifndef CODEC_XML_INNER_H
#define CODEC_XML_INNER_H

#include "codec/xml.h"

#define XML_SPACE "http://www.onem2m.org/xml/protocols"
#define XML_INSTANCE "http://www.w3.org/2001/XMLSchema-instance"
#define XML_TYPES "http://www.w3.org/2001/XMLSchema"

enum {
	XML_NAME_MAX = 64,      /* octets of a name with its prefix */
	XML_DEPTH_MAX = 32,
	XML_ATTRIBUTES_MAX = 16, /* of one element */
	XML_MEMBERS_MAX = 160    /* different names in one element */
};

static inline bool xml_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

#endif
