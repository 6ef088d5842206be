// What this browser stores under a name. Storage may be blocked or full: then nothing is kept.

/** Return the text stored under a name, or null. */
export function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Store a text under a name; null deletes it. */
export function store(name, text) {
  try {
    if (text === null) localStorage.removeItem(name);
    else localStorage.setItem(name, text);
  } catch {
    // The page works without.
  }
}

/** Return the list stored under a name as JSON; [] if there is none, or something else. */
export function storedList(name) {
  try {
    const found = JSON.parse(stored(name) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}
