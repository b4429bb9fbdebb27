import { platformApis } from "../../cnb/api/platform.ts";
import { buildpackApis } from "../../cnb/api/buildpack.ts";
import { commit, version, versionText } from "../../distribution/version.ts";
import type { TspackHost } from "../toolbox.ts";

/** What `tspack version --json` prints. */
export function versionDocument() {
  return {
    version,
    commit,
    node: process.versions.node,
    os: process.platform,
    architecture: process.arch,
    platformApis,
    buildpackApis,
  };
}

/** `tspack version`. */
export function printVersion(
  host: TspackHost,
  _args: readonly string[],
  { json }: { readonly json?: boolean },
): Promise<void> {
  host.stdout(json === true ? `${JSON.stringify(versionDocument(), undefined, 2)}\n` : `${versionText}\n`);
  return Promise.resolve();
}
