/** A part of a program: a package that was bundled, a library beside it. */
export interface SbomComponent {
  readonly name: string;
  readonly version: string;
  /** SPDX expression; absent when unknown. */
  readonly license?: string | undefined;
  /** Package URL. https://github.com/package-url/purl-spec */
  readonly purl: string;
}

/** What a bill of materials is of. */
export interface SbomSubject {
  readonly name: string;
  readonly version: string;
  readonly components: readonly SbomComponent[];
}

/** A file of the distribution. */
export interface SbomFile {
  readonly name: string;
  readonly content: string;
}

/**
 * The bills of materials of one program in the three formats of the Buildpack specification,
 * `<name>.sbom.<format>.json`. They have no time and no random id: the same parts, the same bytes.
 */
export function sbomFiles(subject: SbomSubject): readonly SbomFile[] {
  const file = (format: string, document: object): SbomFile => ({
    name: `${subject.name}.sbom.${format}.json`,
    content: `${JSON.stringify(document, undefined, 2)}\n`,
  });
  return [file("cdx", cycloneDx(subject)), file("spdx", spdx(subject)), file("syft", syft(subject))];
}

function cycloneDx({ name, version, components }: SbomSubject): object {
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: { "bom-ref": `pkg:generic/${name}@${version}`, type: "application", name, version } },
    components: components.map((component) => ({
      "bom-ref": component.purl,
      type: "library",
      name: component.name,
      version: component.version,
      purl: component.purl,
      ...(component.license === undefined ? {} : { licenses: [{ expression: component.license }] }),
    })),
  };
}

function spdx({ name, version, components }: SbomSubject): object {
  const root = "SPDXRef-program";
  const packages = components.map((component, index) => ({ id: `SPDXRef-${index}`, component }));
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `${name}-${version}`,
    documentNamespace: `urn:tspack:sbom:${name}:${version}`,
    creationInfo: { created: "1980-01-01T00:00:01Z", creators: [`Tool: tspack-${version}`] },
    packages: [
      { SPDXID: root, name, versionInfo: version, downloadLocation: "NOASSERTION", filesAnalyzed: false },
      ...packages.map(({ id, component }) => ({
        SPDXID: id,
        name: component.name,
        versionInfo: component.version,
        downloadLocation: "NOASSERTION",
        filesAnalyzed: false,
        licenseDeclared: component.license ?? "NOASSERTION",
        externalRefs: [
          { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: component.purl },
        ],
      })),
    ],
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: root },
      ...packages.map(({ id }) => ({ spdxElementId: root, relationshipType: "CONTAINS", relatedSpdxElement: id })),
    ],
  };
}

function syft({ name, version, components }: SbomSubject): object {
  return {
    artifacts: components.map((component, index) => ({
      id: String(index),
      name: component.name,
      version: component.version,
      type: component.purl.slice("pkg:".length).split("/")[0],
      foundBy: "tspack",
      locations: [],
      licenses: component.license === undefined ? [] : [component.license],
      language: "",
      cpes: [],
      purl: component.purl,
    })),
    artifactRelationships: [],
    source: { id: name, name, version, type: "file", metadata: {} },
    distro: {},
    descriptor: { name: "tspack", version },
    schema: { version: "11.0.1", url: "" },
  };
}
