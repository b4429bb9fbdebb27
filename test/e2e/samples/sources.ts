/** Where packages come from, with what settles it, and the words of a build that could not get them. */
export interface PackageSource {
  readonly name: string;
  readonly settledBy: string;
  readonly said: string;
  /** The file of this repository that says so. */
  readonly file: string;
}

/** All sources of the samples. */
export const packageSources: readonly PackageSource[] = [
  {
    name: "the registry of npm packages",
    settledBy: "NPM_CONFIG_REGISTRY, or npm's own configuration",
    said: "the registry of npm packages could not be reached",
    file: "buildpacks/shared/node/explain.mjs",
  },
  {
    name: "the registry of npm packages, which Node.js comes from",
    settledBy: "NPM_CONFIG_REGISTRY, or npm's own configuration",
    said: "check that the build may use the network, the registry's URL (NPM_CONFIG_REGISTRY)",
    file: "buildpacks/nodejs/lib/registry.sh",
  },
  {
    name: "the registry of Python packages",
    settledBy: "PIP_INDEX_URL, or pip's own configuration",
    said: "the registry of Python packages could not be reached",
    file: "buildpacks/shared/python/explain.py",
  },
  {
    name: "the proxy of Go's modules",
    settledBy: "GOPROXY and GOSUMDB, or go env",
    said: "check that the build may use the network, GOPROXY",
    file: "buildpacks/go-build/lib/compile.sh",
  },
  {
    name: "the repository of Maven",
    settledBy: "mirrors in Maven's settings.xml",
    said: "check that the build may use the network, the mirrors and proxies of settings.xml",
    file: "buildpacks/maven/lib/package.sh",
  },
  {
    name: "the repository of Maven, which the wrapper fetches it from",
    settledBy: "mirrors in Maven's settings.xml",
    said: "check that the build may use the network, and the repository: a service binding of type maven",
    file: "buildpacks/maven/lib/wrapper.sh",
  },
  {
    name: "the mirror of Debian packages",
    settledBy: "TSPACK_DEBIAN_MIRROR, or the sources of apt",
    said: "check the address and that the build may use the network (HTTP_PROXY, SSL_CERT_FILE)",
    file: "buildpacks/deb-packages/lib/resolve.sh",
  },
];

/** The source that a build could not reach, by what it wrote; undefined when it failed for another reason. */
export function unreachableSource(log: string): PackageSource | undefined {
  return packageSources.find(({ said }) => log.includes(said));
}

/** An error of a build; one that a missing source caused begins with its name, before all that the build wrote. */
export function namingSource(error: unknown): unknown {
  const source = error instanceof Error ? unreachableSource(error.message) : undefined;
  if (source === undefined) return error;
  const message = `this machine does not reach ${source.name}; ${source.settledBy} name another`;
  return new Error(message, { cause: error });
}
