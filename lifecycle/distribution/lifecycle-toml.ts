/** What the descriptor says. Versions of APIs are given oldest first. */
export interface LifecycleDescriptor {
  readonly version: string;
  readonly platformApis: readonly string[];
  readonly buildpackApis: readonly string[];
}

const sbomFormats = ["application/vnd.cyclonedx+json", "application/spdx+json", "application/vnd.syft+json"];

/**
 * `lifecycle.toml`: by it platforms decide what they can ask of a lifecycle. `[api]` is the
 * oldest form of the same facts, which old platforms read. Platform specification, "Lifecycle Descriptor".
 */
export function lifecycleToml(descriptor: LifecycleDescriptor): string {
  const { version, platformApis, buildpackApis } = descriptor;
  return `[api]
  platform = ${JSON.stringify(platformApis[0] ?? "")}
  buildpack = ${JSON.stringify(buildpackApis[0] ?? "")}

[apis]
[apis.buildpack]
  deprecated = []
  supported = ${list(buildpackApis)}
[apis.platform]
  deprecated = []
  supported = ${list(platformApis)}

[lifecycle]
  version = ${JSON.stringify(version)}
  sbom-formats = ${list(sbomFormats)}
`;
}

function list(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(", ")}]`;
}
