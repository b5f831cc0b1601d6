"""kinds: what is a number, a truth, a list, by the standard's tables of attributes and its data types, because XML
does not say it. Independent of the program's rows."""
import csv, pathlib

TABLES = pathlib.Path(__file__).resolve().parents[1] / "vectors/onem2m"
TEXT, NUMBER, TRUTH, STRUCT, FREE = "text number truth struct free".split()
LIST, MANY = "list", "many"  # (LIST, of): blanks between items; (MANY, of): an element an item

# Data types of TS-0004 6.3 that the column `type` names: enumerations, lists, what is anything.
NUMBERS = """operation eventCat authorizationStatus transactionState transactionLockType transactionControl transactionMode
transactionMgmtHandling resourceType logicalOperator cseTypeID triggerStatus triggerPurpose timeWindowType statsRuleStatusType
statModelType sessionState requestStatus notificationTargetPolicyAction notificationContentType multicastCapability mgmtDefinition
memberType logTypeId logStatus locationUpdateEventCriteria locationSource locationInformationType geofenceEventCriteria
execStatusType execResultType execModeType consistencyStrategy batteryStatus authorizationDecision acpCombiningAlgorithm
AERegistrationStatus pendingNotification semanticFormat eventType""".split()
LISTS = {"listOfURIs": TEXT, "listOfM2MID": TEXT, "serializations": TEXT, "poaList": TEXT, "supportedReleaseVersions": TEXT,
         "acpType": TEXT, "sessionCapabilities": TEXT, "missingDataList": TEXT, "listOfMinMax": NUMBER, "resourceTypeList": NUMBER, "protocolList": TEXT}
STRUCTS = """actionStatus setOfAcrs scheduleEntries batchNotify aggregatedRequest aggregatedResponse activityPatternElements
eventNotificationCriteria eventNotificationCriteriaSet backOffParameters deletionContexts rateLimit operationResult
filterCriteria metaInformation tokenPermissions contentRef deliveryMetaData ipAddress e2eSecInfo locationRegion mgmtLinkRef
primitiveContent execReqArgsListType setOfPermissions""".split()


def of_type(name):
    head, _, rest = name.partition("list of ") if name.startswith("list of ") else name.partition("List of ")
    if not head and rest:
        return LIST, of_type(rest)
    if name.startswith("restricted list of "):
        return LIST, of_type(name[19:])
    space, _, word = name.partition(":")
    if word in LISTS:
        return LIST, LISTS[word]
    if space == "m2m" and word in NUMBERS or space == "xs" and word.lower().endswith(("integer", "int", "long")):
        return NUMBER
    if word in STRUCTS:
        return STRUCT
    if word in ("anyType", "anySimpleType"):
        return FREE
    return TRUTH if word == "boolean" else TEXT


def read():
    found = {}
    with open(TABLES / "resource_attributes.tsv") as f:
        for row in csv.DictReader(f, delimiter="\t"):
            if ":" in (row["type"] or "") and row["short"] not in ("", "?"):
                found.setdefault(row["short"], of_type(row["type"]))
    return found


# Common attributes, whose type the tables do not repeat (TS-0004 6.3.3), members of complex values (6.3.5), parameters
# of primitives (6.4), what Release 4 adds, and what scenarios use of modules (TS-0023).
COMMON = {
    NUMBER: """ty st cs acop mia cmt tri rsc rcn rtv drt typ op ops optr evm apy ecp num mnn stb sts sza szb
        lim lvl ofst fo fu rqs rsr dsi sti mgd cnst cnot nwa ibt abt mbt rbt curT0 red green blue""",
    TRUTH: "acaf vrq sud trr tra tcop da tqi asi auri sqi fcied sfc nse powerSe powSe sus",
    TEXT: "rn ri pi ct lt et cr",
    STRUCT: "acip aclr enc fc rt pc nev rep md spty evc cmlk",
    FREE: "con val thld mi",
    (LIST, TEXT): "lbl at aa giip giop gios giil giol acor ipv4 ipv6 accc atr ltids tids tkns rids grtm aus ris mdlt m2m:uril m2m:atrl atrl dep tcin escert",
    (LIST, NUMBER): "chty net srt erts lty accr esf",
    (MANY, STRUCT): "acr acco acod om rrf ch encn urir bops pm any lr apt dle nsi",
    (MANY, TEXT): "actw sce tod",
}
# The same name in another place.
INSIDE = {("nev", "net"): NUMBER, ("nev", "om"): STRUCT, ("fc", "ty"): (LIST, NUMBER), ("fc", "atr"): (MANY, STRUCT),
          ("fc", "cty"): (LIST, TEXT), ("apt", "sce"): TEXT, ("rqps", "rqp"): (MANY, STRUCT),
          ("arq", "rqp"): (MANY, STRUCT), ("rsps", "rsp"): (MANY, STRUCT),
          ("cas", "acn"): TEXT, ("acts", "acn"): TEXT}
KINDS = read()
for kind, names in COMMON.items():
    for n in names.split():
        KINDS[n] = kind


def kind_of(inside, name):
    """inside: the name of what holds it. None: no table knows it."""
    if (inside, name) in INSIDE:
        return INSIDE[inside, name]
    if name in KINDS:
        return KINDS[name]
    if ":" in name:  # a resource within a resource; one alone in a primitive, at the root
        return STRUCT if inside in ("", "pc", "rep", "m2m:rce", None) else (MANY, STRUCT)
    return None
