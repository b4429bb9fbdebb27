/** What is wrong with a bill of materials, in words; nothing when it is valid. */
export type Problems = readonly string[];

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const objects = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const fits = (value: unknown, pattern: RegExp): boolean => typeof value === "string" && pattern.test(value);
const repeated = (values: readonly unknown[]): readonly unknown[] =>
  values.filter((value, index) => values.indexOf(value) !== index);

/** https://github.com/package-url/purl-spec: scheme, type, optional namespace, name, version, qualifiers. */
const PURL =
  /^pkg:[a-z][a-z0-9.+-]*\/(?:[^/@?#\s]+\/)*[^/@?#\s]+(?:@[^/@?#\s]+)?(?:\?[a-z][a-z0-9._-]*=[^&\s]+(?:&[^\s]+)*)?$/;
/** NISTIR 7695, the bound string of 13 parts. */
const CPE = /^cpe:2\.3:[aho](?::[^\s:]+){10}$/;
const HASH_LENGTHS: Readonly<Record<string, number>> = { "SHA-1": 40, "SHA-256": 64, "SHA-384": 96, "SHA-512": 128 };
const COMPONENT_TYPES = ["application", "framework", "library", "container", "platform", "operating-system", "file"];

/** The required fields of CycloneDX 1.4 to 1.6 in JSON, as far as our buildpacks use the format. */
export function cycloneDxProblems(document: unknown): Problems {
  if (!isObject(document)) return ["no object"];
  const components = objects(document["components"]);
  const problems = [
    ...(document["bomFormat"] === "CycloneDX" ? [] : ["bomFormat"]),
    ...(fits(document["specVersion"], /^1\.[456]$/) ? [] : ["specVersion"]),
    ...(Number.isInteger(document["version"]) ? [] : ["version"]),
    ...(Array.isArray(document["components"]) ? [] : ["components"]),
  ];
  const references = repeated(components.map((one) => one["bom-ref"]));
  return [
    ...problems,
    ...references.map((one) => `bom-ref ${String(one)} twice`),
    ...components.flatMap((one) => componentProblems(one).map((problem) => `${String(one["name"])}: ${problem}`)),
  ];
}

function componentProblems(component: Json): Problems {
  const hashes = objects(component["hashes"]).filter(({ alg, content }) => {
    const length = HASH_LENGTHS[String(alg)];
    return length === undefined || !fits(content, new RegExp(`^[0-9a-f]{${length}}$`));
  });
  // The schema: a list of licences by SPDX id or by name, or one single expression.
  const licences = objects(component["licenses"]);
  const expressions = licences.filter((one) => "expression" in one);
  const named = licences.filter(
    ({ license }) => isObject(license) && isText(license["id"]) !== isText(license["name"]),
  );
  const whole = expressions.length === 0 ? named.length === licences.length : licences.length === 1;
  return [
    ...(COMPONENT_TYPES.includes(String(component["type"])) ? [] : ["type"]),
    ...(isText(component["name"]) ? [] : ["name"]),
    ...(isText(component["bom-ref"]) ? [] : ["bom-ref"]),
    ...(fits(component["purl"], PURL) ? [] : [`purl ${String(component["purl"])}`]),
    ...(component["cpe"] === undefined || fits(component["cpe"], CPE) ? [] : ["cpe"]),
    ...(component["version"] === undefined || isText(component["version"]) ? [] : ["version"]),
    ...hashes.map(({ alg }) => `hash ${String(alg)}`),
    ...(whole && expressions.every((one) => isText(one["expression"])) ? [] : ["licenses"]),
  ];
}

/** The required fields of SPDX 2.3 in JSON, and that the document describes each of its packages once. */
export function spdxProblems(document: unknown): Problems {
  if (!isObject(document)) return ["no object"];
  const creation = isObject(document["creationInfo"]) ? document["creationInfo"] : {};
  const creators = Array.isArray(creation["creators"]) ? creation["creators"] : [];
  const packages = objects(document["packages"]);
  const described = [
    ...(Array.isArray(document["documentDescribes"]) ? document["documentDescribes"] : []),
    ...objects(document["relationships"]).flatMap((one) =>
      one["spdxElementId"] === "SPDXRef-DOCUMENT" && one["relationshipType"] === "DESCRIBES"
        ? [one["relatedSpdxElement"]]
        : [],
    ),
  ];
  const ids = packages.map((one) => one["SPDXID"]);
  return [
    ...(document["spdxVersion"] === "SPDX-2.3" ? [] : ["spdxVersion"]),
    ...(document["dataLicense"] === "CC0-1.0" ? [] : ["dataLicense"]),
    ...(document["SPDXID"] === "SPDXRef-DOCUMENT" ? [] : ["SPDXID"]),
    ...(isText(document["name"]) ? [] : ["name"]),
    ...(fits(document["documentNamespace"], /^[a-z][a-z0-9+.-]*:[^#\s]+$/) ? [] : ["documentNamespace"]),
    ...(fits(creation["created"], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) ? [] : ["creationInfo.created"]),
    ...(creators.length > 0 && creators.every((one) => fits(one, /^(Tool|Organization|Person): \S/))
      ? []
      : ["creators"]),
    ...repeated(ids).map((id) => `SPDXID ${String(id)} twice`),
    ...ids.filter((id) => !described.includes(id)).map((id) => `${String(id)} is not described`),
    ...described.filter((id) => !ids.includes(id)).map((id) => `${String(id)} is described and not there`),
    ...packages.flatMap((one) => packageProblems(one).map((problem) => `${String(one["name"])}: ${problem}`)),
  ];
}

function packageProblems(one: Json): Problems {
  const checksums = objects(one["checksums"]).filter(({ algorithm, checksumValue }) => {
    const length = HASH_LENGTHS[String(algorithm).replace("SHA", "SHA-")];
    return length === undefined || !fits(checksumValue, new RegExp(`^[0-9a-f]{${length}}$`));
  });
  const references = objects(one["externalRefs"]);
  const purls = references.filter((reference) => reference["referenceType"] === "purl");
  const cpes = references.filter((reference) => reference["referenceType"] === "cpe23Type");
  return [
    ...(fits(one["SPDXID"], /^SPDXRef-[A-Za-z0-9.-]+$/) ? [] : ["SPDXID"]),
    ...(isText(one["name"]) ? [] : ["name"]),
    ...(isText(one["downloadLocation"]) ? [] : ["downloadLocation"]),
    // Without an analysis of files there is no verification code of the package.
    ...(one["filesAnalyzed"] === false ? [] : ["filesAnalyzed"]),
    ...checksums.map(({ algorithm }) => `checksum ${String(algorithm)}`),
    ...(purls.length === 1 && purls.every((reference) => fits(reference["referenceLocator"], PURL)) ? [] : ["purl"]),
    ...(purls.every((reference) => reference["referenceCategory"] === "PACKAGE-MANAGER") ? [] : ["referenceCategory"]),
    ...(cpes.every((cpe) => cpe["referenceCategory"] === "SECURITY" && fits(cpe["referenceLocator"], CPE))
      ? []
      : ["cpe"]),
  ];
}

/** The packages that a document of either format lists, by purl. */
export function purlsOf(document: unknown): readonly string[] {
  if (!isObject(document)) return [];
  const references = objects(document["packages"])
    .flatMap((one) => objects(one["externalRefs"]))
    .filter((one) => one["referenceType"] === "purl");
  const found = [
    ...objects(document["components"]).map((one) => one["purl"]),
    ...references.map((one) => one["referenceLocator"]),
  ];
  return found.filter(isText).toSorted();
}
