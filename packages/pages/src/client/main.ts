import { startHeatMap } from './heat-map.js';
import { startSavingPictures } from './save-pictures.js';
import { startCopyButtons, startSorting, startTables } from './tables.js';
import { startTheme } from './theme.js';
import { startTimeline } from './timeline.js';

startTheme();
startTables();
startSorting();
startCopyButtons();
startSavingPictures();
startHeatMap();
void startTimeline();
