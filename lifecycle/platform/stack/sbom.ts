import { createHash } from "node:crypto";
import type { LockedPackage, StackLock } from "./lock.ts";
import type { StackFile } from "./stack-file.ts";

/** What an image has, in the two forms that tools read. JSON text. */
export interface StackSbom {
  readonly cyclonedx: string;
  readonly spdx: string;
}

/** The bill of materials of the run or the build image, made of the lock alone: the same lock, the same bytes. */
export function stackSbom(kind: LockedPackage["image"], stack: StackFile, lock: StackLock): StackSbom {
  const packages = lock.packages.filter((each) => kind === "build" || each.image === "run");
  const subject: Subject = { kind, stack, lock, packages };
  return { cyclonedx: json(cycloneDx(subject)), spdx: json(spdx(subject)) };
}

interface Subject {
  readonly kind: LockedPackage["image"];
  readonly stack: StackFile;
  readonly lock: StackLock;
  readonly packages: readonly LockedPackage[];
}

function cycloneDx({ kind, stack, lock, packages }: Subject): object {
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      timestamp: lock.released,
      component: { type: "container", name: `${stack.id}-${kind}`, version: lock.released },
    },
    components: packages.map((each) => ({
      "bom-ref": packageUrl(each, stack),
      type: "library",
      name: each.name,
      version: each.version,
      purl: packageUrl(each, stack),
      hashes: [{ alg: "SHA-256", content: each.sha256 }],
    })),
  };
}

function spdx({ kind, stack, lock, packages }: Subject): object {
  const digest = createHash("sha256").update(JSON.stringify(packages)).digest("hex");
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `${stack.id}-${kind}`,
    // Not to be fetched; it only has to be this document's own.
    documentNamespace: `urn:tspack:stack:${stack.id}:${kind}:${lock.arch}:${digest}`,
    creationInfo: { created: lock.released, creators: ["Tool: tspack"] },
    documentDescribes: packages.map(spdxId),
    packages: packages.map((each) => ({
      SPDXID: spdxId(each),
      name: each.name,
      versionInfo: each.version,
      downloadLocation: "NOASSERTION",
      filesAnalyzed: false,
      licenseConcluded: "NOASSERTION",
      licenseDeclared: "NOASSERTION",
      copyrightText: "NOASSERTION",
      checksums: [{ algorithm: "SHA256", checksumValue: each.sha256 }],
      sourceInfo: `built from ${each.source}`,
      externalRefs: [
        {
          referenceCategory: "PACKAGE-MANAGER",
          referenceType: "purl",
          referenceLocator: packageUrl(each, stack),
        },
      ],
    })),
  };
}

function spdxId(each: LockedPackage): string {
  return `SPDXRef-Package-${each.name.replace(/\+/g, "-plus").replace(/[^A-Za-z0-9.-]/g, "-")}`;
}

// Advisories are about source packages: "upstream" names it where it is another one, or has another version, as it has
// when a package was only built again. Scanners read both from there.
function packageUrl(each: LockedPackage, stack: StackFile): string {
  const { name, version } = stack.distribution;
  const [source = each.name, sourceVersion = each.version] = each.source.split(" ");
  const upstream = sourceVersion === each.version ? source : `${source}@${sourceVersion}`;
  return (
    `pkg:deb/${name}/${encodeURIComponent(each.name)}@${encodeURIComponent(each.version)}` +
    `?arch=${each.architecture}&distro=${name}-${version}` +
    (upstream === each.name ? "" : `&upstream=${encodeURIComponent(upstream)}`)
  );
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
