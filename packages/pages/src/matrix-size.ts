/** Pixels of the heat map for the ranks' numbers, left and above. */
export const MATRIX_MARGIN = 34;
/** Pixels of a cell at most. */
export const LARGEST_CELL = 56;
/** Pixels of the whole heat map at most. */
export const WIDEST_MATRIX = 820;
