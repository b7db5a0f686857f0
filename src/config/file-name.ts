/** The configuration file that is read when nobody names one and it is there. */
export const CONFIG_FILE = 'upload-response.yaml';
