// The description of an item. Feeds write its list in one line: "A warm hoodie. • Soft • Two pockets".

const POINT = /\s*•\s+/;

/** Return the words before the list of a description. */
export const leadOf = (text) => text.split(POINT, 1)[0].trim();

/** Return the points of the list, or none. */
export const pointsOf = (text) => text.split(POINT).slice(1);
