/* request.h: the request and the response, whatever carried them.
 *
 * The wire between gate and core, and what the core reads: a canonical CBOR map
 * with the short names of params.def. The core reads it as views. */
#ifndef PRIMITIVE_REQUEST_H
#define PRIMITIVE_REQUEST_H

#include "codec/cbor.h"

enum param {
#define PARAM(name, short_name, kind, where, header, query, support) PARAM_##name,
#include "primitive/params.def"
#undef PARAM
	PARAM_COUNT
};

enum param_kind { PARAM_TEXT, PARAM_UINT, PARAM_TIME, PARAM_SPAN, PARAM_BOOL, PARAM_LIST,
	          PARAM_MAP, PARAM_ANY };
enum param_where { PARAM_REQ = 1, PARAM_RSP = 2, PARAM_BOTH = 3 };

struct param_row {
	const char *short_name;
	enum param_kind kind;
	enum param_where where;
	const char *header, *query;
	bool supported;
};
const struct param_row *param_row(enum param p);

/* By short name; NULL when unknown. */
const struct param_row *param_named(struct bytes short_name, enum param *out);

enum operation_code { OPERATION_CREATE = 1, OPERATION_RETRIEVE, OPERATION_UPDATE,
	              OPERATION_DELETE, OPERATION_NOTIFY };

struct request_primitive {
	struct bytes raw;             /* the whole map */
	struct cbor value[PARAM_COUNT];
	bool has[PARAM_COUNT];
	/* the most used ones, decoded; 0 or empty when absent */
	unsigned operation;
	struct bytes to, from, rqi, rvi;
	unsigned release;             /* number of rvi, 1 when absent, 0 not spoken */
	uint32_t type;                /* ty */
	bool has_content;
	struct bytes content;         /* pc, encoded */
	unsigned response_type;       /* rt.rtv: enum response_type, 0 absent */
	unsigned result_content;      /* rcn, PRIMITIVE_DEFAULT_RCN when absent */
	unsigned result_id_type;      /* drt: 1 structured (default), 2 */
	int64_t originated;           /* ot ms, 0 */
	/* ms absolute, 0 absent: rqet, rset, oet, and the end of what rp asks for */
	int64_t expires, result_expires, executes, persists;
	int64_t persistence;          /* rp, where it is a duration: ms, else 0 */
	const char *unread;           /* the first parameter that could not be read, NULL */
};

enum response_type { RT_SYNCH = 1, RT_ASYNCH, RT_BLOCKING, RT_FLEX, RT_NONE };

enum { PRIMITIVE_DEFAULT_RCN = 255 };

/* The types of parameters are checked here; which may stand with which is
 * request/admission. now: for relative times. ERR_SYNTAX, ERR_TYPE, ERR_RANGE;
 * ERR_UNSUPPORTED for a member that is no parameter. On error `out` still holds
 * rqi, from and rvi where these were readable, so that an answer can be made, and
 * `unread` names the parameter where it has a name. */
err_t request_read(struct bytes cbor, int64_t now, struct request_primitive *out) MUST_USE;

/* A response primitive appended to out as canonical CBOR. content: encoded, or
 * empty. */
struct response_primitive {
	unsigned status;
	struct bytes rqi, to, from, rvi, content;
	struct bytes vendor;     /* vsi */
	int64_t originated;      /* ot, 0: left out */
	int64_t result_expires;  /* rset, 0: left out */
	unsigned content_status; /* cnst, 0: left out */
	uint64_t content_offset; /* cnot */
};
err_t response_write(const struct response_primitive *r, struct buf *out) MUST_USE;
err_t response_read(struct bytes cbor, struct response_primitive *out) MUST_USE;

/* Filter criteria [TS-0004 6.3.5.8, 7.3.3.17], read from fc. */
enum { FILTER_LIST_MAX = 32 };

/* What may be asked of a resource, of its children and of its parent. */
struct filter_values {
	uint32_t types[FILTER_LIST_MAX]; size_t types_n;       /* ty chty pty */
	struct bytes labels[FILTER_LIST_MAX]; size_t labels_n; /* lbl clbl palb */
	/* atr catr patr: names, and the values they are to have */
	struct bytes attribute_names[FILTER_LIST_MAX];
	struct cbor attributes[FILTER_LIST_MAX]; size_t attributes_n;
};

enum filter_operation { FILTER_AND = 1, FILTER_OR = 2, FILTER_XOR = 3 };
enum filter_geometry { GEO_POINT = 1, GEO_LINE, GEO_POLYGON, GEO_POINTS, GEO_LINES, GEO_POLYGONS };
enum filter_syntax { FILTER_JSON_PATH = 1 };
enum filter_space { GEO_WITHIN = 1, GEO_CONTAINS, GEO_INTERSECTS };

struct filter_criteria {
	unsigned usage;        /* fu: 1 discovery, 2 conditional (default) */
	unsigned operation;    /* fo: enum filter_operation, default AND */
	struct filter_values self, child, parent;
	struct bytes label_queries[FILTER_LIST_MAX]; size_t label_queries_n; /* lbq */
	struct bytes content_types[FILTER_LIST_MAX]; size_t content_types_n;
	int64_t created_before, created_after, modified_since, unmodified_since,
	        expire_before, expire_after;   /* ms, 0 absent */
	bool has_size_above, has_size_below, has_state_above, has_state_below;
	uint64_t size_above, size_below, state_above, state_below;
	bool has_limit, has_level, has_offset;
	uint64_t limit, level, offset;
	struct bytes arp;      /* "a/b", plain segments; "../" before them leads up */
	bool has_operations;
	uint64_t operations;   /* ops: access bits the originator is to have */
	unsigned geometry_type, space; /* gmty, gsf; 0 absent, else geometry is there */
	unsigned content_syntax;     /* cfs; 0 absent, else content_query is there */
	struct bytes content_query;  /* cfq */
	struct bytes geometry; /* geom: JSON text of coordinates */
};
/* ERR_UNSUPPORTED for a member not built (answer 5001), else ERR_SYNTAX... */
err_t filter_read(const struct request_primitive *r, struct filter_criteria *out) MUST_USE;

#endif
