/* xml.h: oneM2M's XML, to and from canonical CBOR [TS-0004 8.3].
 *
 *   { "m2m:cnt": { "rn": "c", "lbl": ["a", "b"], "mni": 5 } }
 *   <m2m:cnt xmlns:m2m="http://www.onem2m.org/xml/protocols" rn="c">
 *     <lbl>a b</lbl><mni>5</mni></m2m:cnt>
 *
 * XML says nothing of kinds, so whoever calls says what stands behind a name. A
 * value of free type (content) says it itself: xsi:type "xs:integer", "xs:double",
 * "xs:boolean", and "json" for a map or a list, whose text is then JSON. null is an
 * empty element [8.3.1], xsi:nil where an empty one is a value; an empty list holds
 * one blank, an empty text says that it is one. Elements leave in the order that the
 * caller gives them, and are read in any. A document type, an entity, a processing
 * instruction are refused. */
#ifndef CODEC_XML_H
#define CODEC_XML_H

#include "codec/cbor.h"

/* What holds a name: opaque but for the top, where `of` is NULL and what is 0. */
struct xml_context {
	int what;
	const void *of;
};

enum xml_form { XML_TEXT, XML_NUMBER, XML_BOOL, XML_ANY, XML_STRUCT };

struct xml_shape {
	enum xml_form form;
	bool list;   /* an array: items separated by blanks */
	bool repeat; /* an array: one element an item */
	bool mark;   /* carried as an attribute of the element */
	bool text;   /* carried as the element's own text */
	bool empty;  /* an empty element is a value of it, not null */
	bool vanish; /* repeat: an empty array has no element at all */
	unsigned rank; /* where among its siblings; equal ones in the order of their names */
	struct xml_context inside; /* XML_STRUCT: of its members */
};

struct xml_schema {
	/* What stands behind a member's name ("m2m:cnt", "lbl"). False: unknown; it
	 * is then carried as a value of free type. */
	bool (*look)(struct xml_context in, struct bytes name, struct xml_shape *out);
	/* The member that is the text of the element; empty: there is none. */
	struct bytes (*text)(struct xml_context in);
	/* Last part of the namespace of a prefix, behind .../xml/protocols/, and back;
	 * empty when unknown. */
	struct bytes (*space)(struct bytes prefix);
	struct bytes (*prefix)(struct bytes space);
};

/* One document -> canonical CBOR appended to out. ERR_SYNTAX, ERR_LIMIT,
 * ERR_DUPLICATE (a member twice that is no list), ERR_UNSUPPORTED (document type,
 * processing instruction). On error out is as it was. */
err_t xml_to_cbor(struct bytes in, const struct codec_limits *limits,
                  const struct xml_schema *schema, struct buf *out) MUST_USE;

/* Canonical CBOR, a map of one member -> a document appended to out. ERR_TYPE for
 * what has no form in XML: control characters, an item of a list that holds
 * blanks, octet strings. On error out is as it was. */
err_t cbor_to_xml(struct bytes in, const struct xml_schema *schema, struct buf *out) MUST_USE;

#endif
