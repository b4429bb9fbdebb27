import { resolve } from "node:path";
import type { ImageRef } from "../../oci/reference.ts";
import { layoutStore } from "../../stores/layout/layout-store.ts";
import type { AccessCheck, ImageSink, ImageSource } from "../../stores/store.ts";
import { archiveSink } from "../archives/archive-sink.ts";
import { checkOutputPath } from "../output/check-path.ts";
import type { Tools } from "../tools.ts";
import type { BuildOutput } from "./request.ts";
import type { ResolvedRequest } from "./resolve-request.ts";

/** Where an image is sent. */
export interface Destination {
  /** How the summary calls it. */
  readonly name: string;
  readonly sink: ImageSink;
  /** Where the image of an earlier build is. */
  readonly source: ImageSource;
  /** Tells before the work whether writing will be allowed; undefined where nobody else decides. */
  readonly access: AccessCheck | undefined;
}

/**
 * Works with what `--output` names. Throws `INVALID_ARGUMENTS` for a path that can not be written,
 * `ENGINE_UNREACHABLE`, and what the work throws.
 */
export async function withDestination<T>(
  resolved: ResolvedRequest,
  tools: Tools,
  work: (destination: Destination) => Promise<T>,
): Promise<T> {
  const { output } = resolved;
  if (output.kind === "engine") {
    const { withEngineDestination } = await import("../output/engine-destination.ts");
    return withEngineDestination(tools, work);
  }
  if ("path" in output) await checkOutputPath(output.kind, resolve(tools.machine.cwd, output.path));
  return work(openDestination(resolved.names, output, tools));
}

function openDestination(
  names: readonly ImageRef[],
  output: Exclude<BuildOutput, { readonly kind: "engine" }>,
  tools: Tools,
): Destination {
  const { local, machine, places, registries } = tools;
  switch (output.kind) {
    case "local":
      return { name: places.images, sink: local, source: local, access: undefined };
    case "registry": {
      const name = `registry ${names[0]?.registry ?? ""}`;
      return { name, sink: registries, source: registries, access: publishingAccess(tools, names) };
    }
    case "oci": {
      const path = resolve(machine.cwd, output.path);
      const layout = layoutStore(path);
      return { name: path, sink: layout, source: layout, access: undefined };
    }
    case "oci-archive":
    case "docker-archive": {
      const path = resolve(machine.cwd, output.path);
      return { name: path, sink: archiveSink(output.kind, path), source: nowhere, access: undefined };
    }
  }
}

/** A file is written anew each time: there is no earlier image in it. */
const nowhere: ImageSource = { resolve: () => Promise.resolve(undefined) };

/** What is in the local store can be read, whatever a registry of that name says; the image itself has to be in the registry. */
function publishingAccess({ local, registries }: Tools, names: readonly ImageRef[]): AccessCheck {
  return {
    checkAccess: async (ref, want) => {
      if (want === "read" && !isOneOf(ref, names) && (await local.resolve(ref)) !== undefined) return;
      await registries.checkAccess(ref, want);
    },
  };
}

/** Whether a reference is of the repository of one of the names. */
export function isOneOf(ref: ImageRef, names: readonly ImageRef[]): boolean {
  return names.some((name) => name.registry === ref.registry && name.repository === ref.repository);
}
