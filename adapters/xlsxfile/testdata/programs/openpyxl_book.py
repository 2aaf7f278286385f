"""Writes the workbook that the tests read, with openpyxl: python openpyxl_book.py <file>"""

import datetime
import sys

import openpyxl

book = openpyxl.Workbook()
sheet = book.active
sheet.title = "物件"
sheet.append(["物件編號", "名稱", "租金", "簽約日", "時間", "啟用"])
sheet.append([1, "幸福社區 A棟", 12500.5, datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 18, 30), True])
sheet.append([2, " both ends ", -0.25, datetime.date(1999, 12, 31), datetime.datetime(2000, 1, 1, 0, 0, 1), False])
sheet["B4"], sheet["C4"] = "two\nlines", "<&>\"'"
sheet["A6"], sheet["B6"], sheet["C6"], sheet["F6"] = "=1+1", '="a"&"b"', "=1/0", "=1=1"  # without results: it does not calculate
book.create_sheet("other")["A1"] = "other"
book.save(sys.argv[1])
