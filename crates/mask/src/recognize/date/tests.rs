use proptest::prelude::*;

use super::form::is_day;
use crate::{Entity, Finder};

fn dates<'t>(finder: &Finder, text: &'t str) -> Vec<&'t str> {
    finder
        .find(text)
        .into_iter()
        .filter(|span| span.entity == Entity::DATE_OF_BIRTH)
        .map(|span| &text[span.start..span.end])
        .collect()
}

#[test]
fn a_date_with_a_word_of_birth_is_found_in_every_form() {
    let cases = [
        ("DOB: 1985-03-12", "1985-03-12"),
        ("d.o.b. 12/03/1985", "12/03/1985"),
        ("date of birth 3/12/1985", "3/12/1985"),
        ("Born 12.03.1985 in Bonn", "12.03.1985"),
        ("She was born on 12 March 1985.", "12 March 1985"),
        ("born on the 12th of March, 1985", "12th of March, 1985"),
        ("born March 12, 1985, in Ohio", "March 12, 1985"),
        ("Birthday: Mar 12th 1985", "Mar 12th 1985"),
        ("birthdate 12-Mar-1985", "12-Mar-1985"),
        ("dob 12/03/85", "12/03/85"),
        ("DOB 19850312", "19850312"),
        ("ngày sinh: 12/03/1985", "12/03/1985"),
        (
            "sinh ngày 12 tháng 3 năm 1985 tại Huế",
            "12 tháng 3 năm 1985",
        ),
        ("Tôi sinh ngày 12-3-1985", "12-3-1985"),
        ("Ngày, tháng, năm sinh: 01/02/1990", "01/02/1990"),
        ("sinh nhật của em là 5/6/1999 ạ", "5/6/1999"),
        ("geboren am 12. März 1985", "12. März 1985"),
        ("née le 12 mars 1985", "12 mars 1985"),
        ("nacido el 12 de marzo de 1985", "12 de marzo de 1985"),
        ("geboortedatum: 12-03-1985", "12-03-1985"),
        ("nata il 12/03/1985", "12/03/1985"),
        ("Data de nascimento: 12/03/1985", "12/03/1985"),
        ("生年月日:1985年3月12日", "1985年3月12日"),
        ("생년월일: 1985년 3월 12일", "1985년 3월 12일"),
        (
            r#"{"created":"2024-01-15","dob":"1985-03-12","updated":"2024-02-02"}"#,
            "1985-03-12",
        ),
        (r#"{"dateOfBirth": "1985-03-12T00:00:00Z"}"#, "1985-03-12"),
        ("12/03/1985 is my birthday", "12/03/1985"),
        (
            "born on 12 March 1985 and died on 3 May 2020",
            "12 March 1985",
        ),
        ("dob 29/02/2000", "29/02/2000"),
        (
            "My son (born 3 May 2015) and I moved on 4 June 2020",
            "3 May 2015",
        ),
        ("Jane Doe, 1985-03-12 (DOB)", "1985-03-12"),
        (
            "Patient born in Hanoi, Vietnam on 02/09/1975, admitted 01/02/2024",
            "02/09/1975",
        ),
        ("Mình sinh 20/10/1995", "20/10/1995"),
        ("em sinh ngày 01.01.2001 nhé!", "01.01.2001"),
        ("What sign is someone born Feb 29, 1992?", "Feb 29, 1992"),
        ("| DOB | 1985-03-12 |", "1985-03-12"),
        ("date_of_birth=1985-03-12&x=1", "1985-03-12"),
        (
            "ngày 12 tháng 03 năm 1985 là ngày sinh của tôi",
            "12 tháng 03 năm 1985",
        ),
        ("**DOB:** 1985/03/12", "1985/03/12"),
    ];
    let finder = &*crate::tests::FINDER;
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, date)| dates(finder, text) != [*date])
        .map(|(text, date)| {
            format!(
                "{text:?}: found {:?}, expected {date:?}",
                dates(finder, text)
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_list_of_dates_shares_its_word() {
    let finder = &*crate::tests::FINDER;
    assert_eq!(
        dates(finder, "Birth dates: 2010-01-02, 2012-03-04 and 2015-05-06"),
        ["2010-01-02", "2012-03-04", "2015-05-06"]
    );
}

#[test]
fn other_dates_and_what_is_no_date_are_left_alone() {
    let texts = [
        "2024-01-15",
        "15.01.2024",
        "March 12, 1985",
        "12 tháng 3 năm 1985",
        "Released on 2024-01-15.",
        "The company was founded on 12 March 1985.",
        "She was born in Hanoi. We meet on 2024-01-15.",
        "He was born in 1985 and married on 12/06/2010",
        "born 1985",
        "I am 39 years old",
        "dob 30/02/1985",
        "dob 29/02/1900",
        "dob 29/02/2023",
        "dob 12/03/1885",
        "dob 12/13/85x",
        "dob 45/45/1985",
        "birthday 12/03",
        "2024-01-15 10:23:45 INFO user dob missing",
        "posted 2024-01-15. DOB: unknown",
        "Sinh viên nộp bài ngày 12/03/2024",
        "hạn nộp 12/03/2024",
        "newborn care 2024-01-15",
        "version 12.03.1985",
        "born to run 1.2.3.1985",
        "DOB 12-03-1985-7",
        "stubborn 12/03/1985",
        "sinh năm 1985",
        "tuổi 39",
        "CREATE TABLE t (dob DATE, created DATE DEFAULT '2024-01-15')",
        "dob,created\n,2024-01-15",
        "The birth of the web: proposal published March 12, 1989",
        "birthday party tickets: order 12032024",
        "Sinh hoạt câu lạc bộ 12/03/2024",
        "sinh viên khóa 2019, khai giảng 05/09/2019",
        "The iPhone was released on January 9, 2007; born ready",
    ];
    let finder = &*crate::tests::FINDER;
    let wrong: Vec<String> = texts
        .iter()
        .filter(|text| !dates(finder, text).is_empty())
        .map(|text| format!("{text:?}: found {:?}", dates(finder, text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_name_of_the_field_is_context() {
    let finder = &*crate::tests::FINDER;
    let found = finder.find_in_field("1985-03-12", Some("birth_date"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].entity, Entity::DATE_OF_BIRTH);
}

#[test]
fn the_calendar_knows_leap_years() {
    assert!(is_day(2000, 2, 29) && is_day(2024, 2, 29) && is_day(1999, 12, 31));
    assert!(
        !is_day(1900, 2, 29)
            && !is_day(2023, 2, 29)
            && !is_day(2024, 4, 31)
            && !is_day(2024, 13, 1)
    );
    assert!(!is_day(1899, 1, 1) && !is_day(2101, 1, 1) && !is_day(2024, 1, 0));
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic_and_spans_are_whole_characters(
        text in r"([0-9/. \-,T年月日]|born |dob:|ngày sinh |March |tháng |năm |1985|12th|\PC){0,50}"
    ) {
        for span in crate::tests::FINDER.find(&text) {
            prop_assert!(text.get(span.start..span.end).is_some_and(|value| !value.is_empty()));
        }
    }
}

#[test]
fn more_languages_eras_and_tables_tell_of_birth() {
    let finder = Finder::new(crate::Rules::default());
    for (text, date) in [
        ("NTNS: 01/01/1980", "01/01/1980"),
        ("出生日期：1990年5月6日", "1990年5月6日"),
        ("生まれ 昭和60年3月14日", "昭和60年3月14日"),
        ("Дата рождения: 14 марта 1985", "14 марта 1985"),
        ("Syntynyt 14. maaliskuuta 1985", "14. maaliskuuta 1985"),
        ("วันเกิด 14 มีนาคม 2528", "14 มีนาคม 2528"),
        ("Tanggal lahir: 14 Agustus 1985", "14 Agustus 1985"),
        ("Fødselsdato: 14.03.1985", "14.03.1985"),
        ("Date of birth\n14/03/1985", "14/03/1985"),
        (
            "Email,Phone,DOB\na@b.com,+1 415 555 2671,1990-01-02",
            "1990-01-02",
        ),
        ("name,dob,joined\nAnn,1985-03-14,2020-01-02", "1985-03-14"),
        (
            "| Name | DOB |\n|---|---|\n| Ann | 1985-03-14 |",
            "1985-03-14",
        ),
    ] {
        assert_eq!(dates(&finder, text), [date], "in {text:?}");
    }
    for text in [
        "Date of birth: 2030-01-01",
        "my dob column is a DATE, default '1970-01-01'",
        "our firm was born in the 90s, on 12/05/1998 we opened shop 2",
        "DOB check constraint added 2024-01-15",
        "会議は令和6年3月14日",
        "Ann\t1985-03-14",
        "I was born\n14/03/1985 was good",
    ] {
        assert_eq!(dates(&finder, text), [""; 0], "in {text:?}");
    }
}
