import { type OrderGroup, readOrder } from "../../cnb/files/group.ts";
import type { RunImageForExport } from "../../cnb/files/run-toml.ts";
import { decodeToml, type TableReader } from "../../decode.ts";
import type { TomlDocument } from "../../toml.ts";

/** A buildpack that a builder is made of. */
export interface BuilderBuildpack {
  /** A directory, relative to the file that names it. */
  readonly uri: string;
  /** When given, they have to be those of `buildpack.toml`. */
  readonly id?: string;
  readonly version?: string;
}

/** What a builder is made of: `builder.toml`, in the form that platforms of the ecosystem read. */
export interface BuilderToml {
  readonly description: string;
  readonly buildpacks: readonly BuilderBuildpack[];
  readonly order: readonly OrderGroup[];
  /** The build image; absent: that of the default stack. */
  readonly buildImage?: string;
  /** The run images, best first; empty: that of the default stack. */
  readonly runImages: readonly RunImageForExport[];
}

/** Reads `builder.toml`. Throws `INVALID_BUILDER` with every problem. */
export function decodeBuilderToml(document: TomlDocument): BuilderToml {
  return decodeToml(
    document,
    { code: "INVALID_BUILDER", hint: "the fields are listed in lifecycle/platform/README.md" },
    (root) => {
      const order = readOrder(root, "order");
      if (order.length === 0) root.issue("order", "at least one [[order]] with a group", "none");
      const buildImage = root.subTable("build").string("image") ?? root.subTable("stack").string("build-image");
      refuseUnsupported(root);
      return {
        description: root.string("description") ?? "",
        buildpacks: root.tables("buildpacks").map(readBuildpack),
        order,
        ...(buildImage === undefined ? {} : { buildImage }),
        runImages: readRunImages(root),
      };
    },
  );
}

function readBuildpack(reader: TableReader): BuilderBuildpack {
  const [id, version] = [reader.string("id"), reader.string("version")];
  return {
    uri: reader.requiredString("uri"),
    ...(id === undefined ? {} : { id }),
    ...(version === undefined ? {} : { version }),
  };
}

function readRunImages(root: TableReader): readonly RunImageForExport[] {
  const images = root.subTable("run").tables("images");
  const named = images.map((image) => ({
    image: image.requiredString("image"),
    mirrors: image.strings("mirrors") ?? [],
  }));
  if (named.length > 0) return named;
  const stack = root.subTable("stack");
  const image = stack.string("run-image");
  return image === undefined ? [] : [{ image, mirrors: stack.strings("run-image-mirrors") ?? [] }];
}

/** What would change the builder if it were read must not be passed over. */
function refuseUnsupported(root: TableReader): void {
  for (const key of ["lifecycle", "extensions", "order-extensions", "system"]) {
    if (root.has(key)) root.issue(key, "nothing: tspack can not put this into a builder yet", "a table");
  }
}
