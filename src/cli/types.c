/* types.c: the reference of resource types, printed from the rows as Markdown. */
#include "cli/document.h"
#include "schema/schema.h"

#include <stdio.h>

static const char *option_text(enum option o)
{
	static const char *const texts[] = { "NP", "O", "M" };

	return texts[o];
}

static void print_flags(unsigned flags)
{
	static const struct { unsigned flag; const char *text; } rows[] = {
		{ F_INDEX, "searched" }, { F_PERSON, "personal" }, { F_SECRET, "never shown" },
		{ F_ACTION, "needs an executor" }, { F_NOT_BUILT, "not built: 5001" },
	};
	bool first = true;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (!(flags & rows[i].flag))
			continue;
		printf("%s%s", first ? "" : ", ", rows[i].text);
		first = false;
	}
}

static void print_kind(const struct attribute *a)
{
	if (a->kind == V_STRUCT || a->kind == V_STRUCTS)
		printf("%s%s", schema_complex(a->enum_max & UINT16_MAX)->name,
		       a->kind == V_STRUCTS ? ", any number" : "");
	else if (a->kind == V_ENUM || a->kind == V_LIST_ENUM)
		printf("%s 1..%u", value_kind_name(a->kind), a->enum_max);
	else if (a->kind >= V_NUMBER_OF)
		printf("%s%s", a->kind == V_LIST_NUMBER_OF || a->kind == V_LIST_TEXT_OF ? "list of " : "",
		       schema_simple_name(a->enum_max));
	else
		printf("%s", value_kind_name(a->kind));
}

static void print_rows(const struct attribute *rows, size_t n)
{
	printf("\n| short | name | kind | create | update | |\n|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++) {
		printf("| `%s` | %s | ", rows[i].short_name, rows[i].long_name);
		print_kind(&rows[i]);
		printf(" | %s | %s | ", option_text(rows[i].create), option_text(rows[i].update));
		print_flags(rows[i].flags);
		printf(" |\n");
	}
}

static void print_type(const struct resource_type *t)
{
	if (t->base)
		printf("\n## %s `%s`: mgmtDefinition %u\n", t->name, t->short_name, t->management);
	else
		printf("\n## %s `%s` (%u)\n", t->name, t->short_name, t->number);
	if (t->not_built)
		printf("\nNot built, Create is answered 5001: %s.\n", t->not_built);
	if (!t->base && t->parents_n) {
		printf("\nBelow:");
		for (size_t i = 0; i < t->parents_n; i++) {
			const struct resource_type *p = resource_type(t->parents[i]);

			if (p)
				printf(" `%s`", p->short_name);
		}
		printf(".%s\n", t->announced ? " It has an announced variant." : "");
	}
	print_rows(t->attributes, t->attributes_n);
}

void help_types(void)
{
	const struct resource_type *const *types;
	size_t n = schema_types(&types);

	printf("# Resource types\n\nPrinted from the rows by `holdfast help types`; never edited. M mandatory, O "
	       "optional, NP not present.\n");
	for (size_t i = 0; i < n; i++) {
		if (types[i]->number < TYPE_ANNOUNCED && !types[i]->definition)
			print_type(types[i]);
	}
	printf("\n# Complex values\n");
	for (uint32_t i = 0; i < C_COUNT; i++) {
		const struct complex *c = schema_complex(i);

		printf("\n## %s\n%s\n| short | name | kind | |\n|---|---|---|---|\n", c->name,
		       c->flags & X_ONE ? "\nExactly one of:\n" : "");
		for (size_t k = 0; k < c->members_n; k++) {
			printf("| `%s` | %s | ", c->members[k].short_name, c->members[k].long_name);
			print_kind(&c->members[k]);
			printf(" | %s |\n", option_text(c->members[k].create));
		}
	}
}
