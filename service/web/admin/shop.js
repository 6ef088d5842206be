// Sections without actions: models and events, storage, settings.

import { make } from "../dom.js";
import { bytes, count, share } from "./format.js";
import { heading, missing, part, table, tile, tiles } from "./parts.js";
import { ask } from "./session.js";

export const models = {
  title: "Models",
  async draw(main) {
    const [found, { styles }] = await Promise.all([ask("v1/models"), ask("v1/styles")]);
    main.replaceChildren(
      heading("Models and events", "What the service computes with, and what recommendations learn from."),
      tiles(tile("Events stored", found.events === null ? null : count(found.events), found.events === null ? "the shop has never stored any" : "of all users")),
      table("Models", [{ title: "For" }, { title: "Model" }, { title: "Note" }], found.models.map(({ role, name, note }) => [role, name, note])),
      part(
        "Styles in the index",
        styles.some(({ indexed }) => indexed)
          ? make("p", { text: styles.filter(({ indexed }) => indexed).map(({ name }) => name).join(", ") })
          : missing("The pictures are only indexed as they were photographed."),
      ),
    );
  },
};

export const storage = {
  title: "Storage",
  async draw(main) {
    const found = await ask("v1/storage");
    const fill = found.map_used / found.map_bytes;
    main.replaceChildren(
      heading("Storage", "The disk space of the shop's folder."),
      tiles(
        tile("All parts", bytes(found.parts.reduce((total, { bytes: size }) => total + size, 0))),
        tile("Free on the disk", bytes(found.disk_free)),
        tile("Store in use", bytes(found.map_used), `${share(fill, 2)} of the ${bytes(found.map_bytes)} that it can grow to`),
      ),
      make("label", {}, "Fill of the store", make("progress", { value: String(found.map_used), max: String(found.map_bytes) })),
      table("Parts, largest first", [{ title: "Part" }, { title: "Size", number: true }], found.parts.map(({ name, bytes: size }) => [name, bytes(size)])),
    );
  },
};

export const settings = {
  title: "Settings",
  async draw(main) {
    const { settings: found } = await ask("v1/settings");
    main.replaceChildren(
      heading("Settings", "The settings of the process that answered. To change one, set the variable and restart the service. Secrets are hidden, and paths are shortened."),
      table(
        "Settings",
        [{ title: "Variable" }, { title: "Value" }, { title: "Differs" }, { title: "Meaning" }],
        found.map(({ variable, value, is_default: usual, description }) => [
          make("code", { text: variable }),
          value || make("span", { class: "soft", text: "empty" }),
          usual ? "" : make("span", { class: "state good", text: "set" }),
          make("div", { class: "meaning", text: description }),
        ]),
      ),
    );
  },
};
