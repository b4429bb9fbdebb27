import { parseReference } from "../../oci/reference.ts";
import type { RunImageForExport } from "../../cnb/files/run-toml.ts";
import type { BuildRequest } from "../build/request.ts";
import { engineUse } from "../engine/engine-use.ts";
import { familiarName } from "../familiar-name.ts";
import type { Settings } from "../settings.ts";

/** A request with the settings where it says nothing; the builder is decided when the project was read. */
export function withSettings(request: BuildRequest, settings: Settings): BuildRequest {
  const asked = { ...request, runner: request.runner ?? settings.runner };
  const isEngine = engineUse(asked) === "phases";
  return {
    ...asked,
    pullPolicy: request.pullPolicy ?? settings.pullPolicy,
    // It is for phases in containers alone, and would be refused elsewhere.
    lifecycleImage: request.lifecycleImage ?? (isEngine ? settings.lifecycleImage : undefined),
  };
}

/**
 * The builder of a request, given what the project says, and whether it may see credentials.
 * `foreign`: the project is from an archive or a repository. Who trusts "the builder" does not mean
 * whatever that names.
 */
export function chosenBuilder(
  request: BuildRequest,
  described: string | undefined,
  settings: Settings,
  foreign = false,
): Pick<BuildRequest, "builder" | "trustBuilder"> {
  const builder = request.builder ?? described ?? settings.defaultBuilder;
  const isOthers = foreign && request.builder === undefined && described !== undefined;
  const said = isOthers && request.trustBuilder === true ? undefined : request.trustBuilder;
  return { builder, trustBuilder: said ?? isTrusted(builder, settings) };
}

/**
 * Whether a builder was trusted by name. Names are compared as what they mean: `a/b` is
 * `docker.io/a/b:latest`. Builders of others are not trusted unless the person said so.
 */
export function isTrusted(builder: string | undefined, { trustedBuilders }: Settings): boolean {
  return builder !== undefined && trustedBuilders.some((name) => fullName(name) === fullName(builder));
}

function fullName(name: string): string {
  try {
    return familiarName(parseReference(name));
  } catch {
    // A path: the same text is the same builder.
    return name;
  }
}

/**
 * A run image to choose from, with the person's own mirrors before it: they were named because
 * they are better reached from here.
 */
export function withRunImageMirrors(
  image: RunImageForExport | undefined,
  { runImageMirrors }: Pick<Settings, "runImageMirrors">,
): RunImageForExport | undefined {
  if (image === undefined) return undefined;
  const own = [...runImageMirrors].flatMap(([name, mirrors]) =>
    fullName(name) === fullName(image.image) ? mirrors : [],
  );
  const [first = image.image, ...others] = new Set([...own, image.image, ...image.mirrors]);
  return { image: first, mirrors: others };
}
