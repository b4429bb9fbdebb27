// A bill of materials of npm packages, as CycloneDX 1.5 or SPDX 2.3.
// The same packages give the same bytes: no time, no serial number, sorted by name and version.
import { createHash } from "node:crypto";

const purlOf = (name, version) => {
  const path = name.startsWith("@") ? `%40${name.slice(1)}` : name;
  return `pkg:npm/${path}@${encodeURIComponent(version)}`;
};

/** SHA-512 of the package as hexadecimal digits, from npm's form of it. */
const sha512Of = (integrity) => {
  const word = (integrity ?? "").split(/\s+/).find((one) => one.startsWith("sha512-"));
  return word === undefined ? undefined : Buffer.from(word.slice(7), "base64").toString("hex");
};

const asComponent = ({ purl, name, version, sha512, license }) => ({
  type: "library",
  "bom-ref": purl,
  name,
  version,
  purl,
  ...(sha512 === undefined ? {} : { hashes: [{ alg: "SHA-512", content: sha512 }] }),
  ...(license === undefined ? {} : { licenses: [{ license: { name: license } }] }),
});

const idOf = (purl) => `SPDXRef-${createHash("sha256").update(purl).digest("hex").slice(0, 20)}`;

const asSpdxPackage = ({ purl, name, version, sha512 }) => ({
  SPDXID: idOf(purl),
  name,
  versionInfo: version,
  downloadLocation: "NOASSERTION",
  filesAnalyzed: false,
  licenseConcluded: "NOASSERTION",
  licenseDeclared: "NOASSERTION",
  copyrightText: "NOASSERTION",
  ...(sha512 === undefined ? {} : { checksums: [{ algorithm: "SHA512", checksumValue: sha512 }] }),
  externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }],
});

const cycloneDx = (packages) => ({
  bomFormat: "CycloneDX",
  specVersion: "1.5",
  version: 1,
  components: packages.map(asComponent),
});

const spdx = (packages) => {
  const content = createHash("sha256").update(JSON.stringify(packages)).digest("hex");
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: "node_modules",
    documentNamespace: `urn:tspack:sbom:node_modules-${content}`,
    creationInfo: { created: "1980-01-01T00:00:01Z", creators: ["Tool: tspack-node"] },
    packages: packages.map(asSpdxPackage),
    relationships: packages.map(({ purl }) => ({
      spdxElementId: "SPDXRef-DOCUMENT",
      relationshipType: "DESCRIBES",
      relatedSpdxElement: idOf(purl),
    })),
  };
};

const byCodeUnit = ([a], [b]) => (a < b ? -1 : Number(a > b));

/** The document as text; `packages` are those of a lock file, each once or several times. */
export function billOfMaterials(packages, format) {
  const byPurl = new Map();
  for (const { name, version, integrity, license } of packages) {
    const purl = purlOf(name, version);
    byPurl.set(purl, { purl, name, version, sha512: sha512Of(integrity), license });
  }
  const sorted = [...byPurl].sort(byCodeUnit).map(([, one]) => one);
  return `${JSON.stringify(format === "spdx" ? spdx(sorted) : cycloneDx(sorted), null, 2)}\n`;
}
