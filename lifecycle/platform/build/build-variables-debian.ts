import { join } from "node:path";
import { parseAptSources } from "../debian/apt-sources.ts";
import { withoutCredentials } from "../../addresses.ts";
import { readAptSources } from "../debian/mirrors.ts";

/**
 * `TSPACK_DEBIAN_MIRROR`: the mirror that the person named, as it was named, else the one of the
 * apt sources in `etc`. Those of another distribution count for nothing. Nobody knows yet of which
 * release the builder is, so any release's address will do: it is the same for all of them.
 */
export async function debianVariables(
  named: string | undefined,
  etc: string,
): Promise<Readonly<Record<string, string>>> {
  if (named !== undefined && named !== "") return { TSPACK_DEBIAN_MIRROR: withoutCredentials(named) };
  const sources = parseAptSources(await readAptSources(join(etc, "apt"))).filter(({ components }) =>
    components.includes("main"),
  );
  const main = sources.find(({ uri, suite }) => uri.endsWith("/debian") && !suite.includes("-"));
  if (main === undefined) return {};
  const security = sources.find(({ suite }) => suite === `${main.suite}-security`);
  const uris = security === undefined ? [main.uri] : [main.uri, `security=${security.uri}`];
  return { TSPACK_DEBIAN_MIRROR: withoutCredentials(uris.join(" ")) };
}
