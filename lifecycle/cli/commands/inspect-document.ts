import type { InspectedSides } from "../../platform/inspect/inspect-sides.ts";
import type { InspectedModule, Inspection } from "../../platform/inspect/inspect-image.ts";
import type { Settings } from "../../platform/settings.ts";

/** The document of `inspect --output json|yaml|toml`, in the form that the ecosystem's tools print. */
export function inspectDocument(name: string, { local, remote }: InspectedSides, settings: Settings): object {
  const side = (info: Inspection | undefined): object | null => (info === undefined ? null : infoOf(info, settings));
  return { image_name: name, remote_info: side(remote), local_info: side(local) };
}

/** The document of `inspect --bom`. */
export function bomDocument({ local, remote }: InspectedSides): object {
  return { remote: bomOf(remote), local: bomOf(local) };
}

function bomOf(info: Inspection | undefined): object | null {
  if (info === undefined || info.bom.length === 0) return null;
  return info.bom.map((entry) => {
    const { name, version, metadata, buildpack } = entry as Readonly<Record<string, unknown>>;
    return { name, version, metadata: metadata ?? null, buildpacks: buildpack };
  });
}

function infoOf(info: Inspection, { runImageMirrors }: Settings): object {
  const { base } = info;
  const configured = runImageMirrors.get(base?.image ?? "") ?? [];
  const recorded = base === undefined || base.image === "" ? [] : [base.image, ...base.mirrors];
  const state = base?.state.kind;
  return {
    stack: info.stack,
    base_image: {
      top_layer: base?.topLayer ?? "",
      reference: base?.reference ?? "",
      // Not in the ecosystem's form: whether the run image has changed since.
      stale: state === undefined || state === "unknown" ? undefined : state === "stale",
    },
    run_images: orNull([
      ...configured.map((name) => ({ name, user_configured: true })),
      ...recorded.map((name) => ({ name })),
    ]),
    buildpacks: orNull(info.buildpacks.map(moduleOf)),
    extensions: orNull(info.extensions.map(moduleOf)),
    processes: orNull(processesOf(info)),
    rebasable: info.rebasable,
  };
}

function moduleOf({ id, version, homepage }: InspectedModule): object {
  return { id, version, homepage };
}

/** The default process comes first. */
function processesOf({ processes, workingDirectory }: Inspection): readonly object[] {
  const sorted = [...processes.filter((one) => one.default), ...processes.filter((one) => !one.default)];
  return sorted.map(({ type, words, args, direct, default: isDefault, workingDirectory: own }) => ({
    type,
    shell: direct ? "" : "bash",
    command: words[0] ?? "",
    default: isDefault,
    args: orNull([...words.slice(1), ...args]),
    "working-dir": own ?? workingDirectory,
  }));
}

/** Programs that read this know an empty list as null. */
function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}
