// Writes the workbook that the tests read, with SheetJS: node sheetjs.js <file>
const XLSX = require("xlsx");

const day = (serial, z) => ({ t: "n", v: serial, z });
const text = (v) => ({ t: "s", v });
const sheet = {
  "!ref": "A1:F7",
  A1: text("物件編號"), B1: text("名稱"), C1: text("租金"), D1: text("簽約日"), E1: text("時間"), F1: text("啟用"),
  A2: { t: "n", v: 1 }, B2: text("幸福社區 A棟"), C2: { t: "n", v: 12500.5, z: "#,##0.00" },
  D2: day(45351, "yyyy-mm-dd"), E2: day(45351.770833333336, "yyyy-mm-dd hh:mm:ss"), F2: { t: "b", v: true },
  A3: { t: "n", v: 2 }, B3: text(" both ends "), C3: { t: "n", v: -0.25 },
  D3: day(36525, "yyyy-mm-dd"), E3: day(36526.000011574077, "yyyy-mm-dd hh:mm:ss"), F3: { t: "b", v: false },
  B4: text("two\nlines"), C4: text("<&>\"'"),
  A6: { t: "n", v: 2, f: "1+1" }, B6: { t: "s", v: "ab", f: '"a"&"b"' }, C6: { t: "e", v: 7, f: "1/0" }, F6: { t: "b", v: true, f: "1=1" },
};
const book = { SheetNames: ["物件", "other"], Sheets: { 物件: sheet, other: { "!ref": "A1", A1: text("other") } } };
XLSX.writeFile(book, process.argv[2], { bookSST: process.argv[3] === "sst", compression: true });
