"""Prints the cells of a workbook's first sheet as JSON, as openpyxl reads them: python openpyxl_read.py <file>"""

import datetime
import json
import sys
import warnings

import openpyxl

warnings.simplefilter("error")  # what openpyxl warns of, other programs may mind too


def shown(value):
    return value.isoformat() if isinstance(value, datetime.datetime) else value


book = openpyxl.load_workbook(sys.argv[1])
json.dump([[shown(value) for value in row] for row in book.worksheets[0].values], sys.stdout)
