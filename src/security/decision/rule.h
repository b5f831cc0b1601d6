/* rule.h: the parts of one access control rule; inside the room only. */
#ifndef DECISION_RULE_H
#define DECISION_RULE_H

#include "codec/cbor.h"
#include "primitive/context.h"
#include "security/facts.h"

/* acor: is the originator among them? */
enum verdict rule_originators(const struct cbor *acor, const struct decision_facts *f);

/* acco: does one of the contexts hold? */
enum verdict rule_contexts(const struct cbor *acco, const struct decision_facts *f);

/* acod: may this type be created there? */
enum verdict rule_objects(const struct cbor *acod, const struct decision_facts *f);

/* Walk an array: calls each for every item. YES as soon as no item is
 * malformed and one said yes; an empty array is malformed. */
typedef enum verdict (*rule_item)(const struct cbor *item, const struct decision_facts *f);
enum verdict rule_any_of(const struct cbor *array, rule_item each, const struct decision_facts *f);

/* True when an acor entry can only be a group's address. */
bool rule_is_group_entry(struct bytes entry);

#endif
