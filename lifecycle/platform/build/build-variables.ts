import type { ProxySettings } from "../../stores/registry/proxy.ts";
import type { Env } from "../machine.ts";
import type { Places } from "../places.ts";
import { debianVariables } from "./build-variables-debian.ts";
import { goVariables } from "./build-variables-go.ts";
import { npmVariables } from "./build-variables-npm.ts";
import { pipVariables } from "./build-variables-pip.ts";
import type { BuildRequest } from "./request.ts";

/** What decides beside the environment. */
export interface BuildVariableChoice {
  /** The Debian mirror of an option or of the settings, in this order. */
  readonly debianMirror?: { readonly option?: string | undefined; readonly config?: string | undefined } | undefined;
  /** Where the machine's configuration is: `/etc`. */
  readonly etc?: string | undefined;
}

/**
 * Variables that tell buildpacks where this person's packages come from: registry of npm, index of
 * pip, proxy of Go's modules, Debian's mirror. Credentials are never among them, and what is not
 * configured is absent, so that tools use their own default.
 */
export async function buildVariables(
  env: Env,
  places: Places,
  cwd: string,
  { debianMirror, etc = "/etc" }: BuildVariableChoice = {},
): Promise<Readonly<Record<string, string>>> {
  const mirror = [debianMirror?.option, env["TSPACK_DEBIAN_MIRROR"], debianMirror?.config];
  const found = await Promise.all([
    npmVariables(env, places, cwd),
    pipVariables(env, etc),
    goVariables(env),
    debianVariables(
      mirror.find((value) => value !== undefined && value !== ""),
      etc,
    ),
  ]);
  return Object.assign({}, ...found) as Readonly<Record<string, string>>;
}

/** The variables that tell programs of proxies, in both cases. */
export function proxyVariables({ http, https, no }: ProxySettings): Readonly<Record<string, string>> {
  const values = { HTTP_PROXY: http, HTTPS_PROXY: https, NO_PROXY: no };
  const entries = Object.entries(values).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [
          [name, value],
          [name.toLowerCase(), value],
        ],
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

/** The variables that tell our lifecycle in a container how layers are made; others do not know them. */
export function layerVariables({
  compression,
  compressionLevel,
  memory,
  verifyLayers,
}: Pick<BuildRequest, "compression" | "compressionLevel" | "memory" | "verifyLayers">): Readonly<
  Record<string, string>
> {
  return {
    ...(compression === undefined ? {} : { TSPACK_COMPRESSION: compression }),
    ...(compressionLevel === undefined ? {} : { TSPACK_COMPRESSION_LEVEL: String(compressionLevel) }),
    ...(memory === undefined ? {} : { TSPACK_MEMORY: String(memory) }),
    ...(verifyLayers === true ? { TSPACK_VERIFY_LAYERS: "true" } : {}),
  };
}
