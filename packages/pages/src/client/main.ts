import { startHeatMap } from './heat-map.js';
import { startCopyButtons, startTables } from './tables.js';
import { startTheme } from './theme.js';
import { startTimeline } from './timeline.js';

startTheme();
startTables();
startCopyButtons();
startHeatMap();
void startTimeline();
