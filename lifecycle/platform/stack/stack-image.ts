import type { Image } from "../../oci/image.ts";
import type { Layer } from "../../oci/layer.ts";
import { imageFromParts } from "../../oci/memory-image.ts";
import { LAYER_MTIME } from "../../oci/tar/header.ts";
import type { LockedPackage, StackLock } from "./lock.ts";
import type { StackFile } from "./stack-file.ts";

/**
 * The run or the build image: its layers with the config and labels of the Platform
 * specification, section "Build Image" and "Run Image". Its time is fixed; when the packages
 * were published is a label.
 */
export function stackImage(
  kind: LockedPackage["image"],
  stack: StackFile,
  lock: StackLock,
  layers: readonly Layer[],
): Image {
  const { user } = stack;
  const created = new Date(LAYER_MTIME * 1000).toISOString().replace(".000Z", "Z");
  const ids =
    kind === "build" ? [`CNB_USER_ID=${user.uid}`, `CNB_GROUP_ID=${user.gid}`, `CNB_STACK_ID=${stack.id}`] : [];
  return imageFromParts({
    format: "oci",
    layers,
    config: {
      architecture: lock.arch,
      os: "linux",
      created,
      config: {
        User: `${user.uid}:${user.gid}`,
        Env: [`PATH=${stack.path}`, ...ids],
        Labels: labels(kind, stack, lock),
      },
      history: layers.map((_, index) => ({
        created,
        created_by: `tspack stack ${stack.id}: packages of the ${index === 0 ? "run" : "build"} image`,
      })),
    },
  });
}

function labels(kind: LockedPackage["image"], stack: StackFile, lock: StackLock): Readonly<Record<string, string>> {
  const described: Readonly<Record<string, string | undefined>> = {
    id: stack.id,
    "distro.name": stack.distribution.name,
    "distro.version": stack.distribution.version,
    description: stack.description === "" ? undefined : `${stack.description} (${kind} image)`,
    homepage: stack.homepage,
    maintainer: stack.maintainer,
    released: lock.released,
  };
  const entries = Object.entries(described).flatMap(([key, value]): [string, string][] =>
    value === undefined
      ? []
      : [
          [`io.buildpacks.base.${key}`, value],
          [`io.buildpacks.stack.${key}`, value],
        ],
  );
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
